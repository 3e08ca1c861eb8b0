//! The destination of a command's result: standard output, or a file that is written atomically.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use super::Failure;
use alertdeck_platform::{Existing, check_new_file, write_new_file};

/// Options for an output file.
#[derive(Clone, Debug, clap::Args)]
pub struct Output {
    /// Write to FILE, readable only by you, instead of standard output
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Replace the file if it exists
    #[arg(long, requires = "output")]
    pub overwrite: bool,
}

impl Output {
    /// Checks that the file can be created, so that a command fails before it sends any requests.
    pub(super) fn check(&self) -> Result<(), Failure> {
        self.output.as_ref().map_or(Ok(()), |path| Ok(check_new_file(path, self.existing())?))
    }

    /// Writes the result to the file if one is named, otherwise to `out`.
    pub(super) fn write_result(
        &self,
        out: &mut dyn Write,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Failure> {
        match &self.output {
            Some(path) => {
                write_new_file(path, self.existing(), write)?;
            }
            None => {
                write(out)?;
                out.flush()?;
            }
        }
        Ok(())
    }

    /// Returns whether the result goes to standard output.
    pub(super) fn is_standard(&self) -> bool {
        self.output.is_none()
    }

    fn existing(&self) -> Existing {
        if self.overwrite { Existing::Replace } else { Existing::Keep }
    }
}
