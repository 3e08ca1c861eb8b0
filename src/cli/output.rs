//! Where a command's result goes: standard output, or a file that is there whole or not at all.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use super::Failure;
use alertdeck_platform::{Existing, check_new_file, write_new_file};

/// Options that name a file for the result.
#[derive(Clone, Debug, clap::Args)]
pub struct Output {
    /// Write to a file, which only you can read, instead of standard output
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Replace the file if it exists
    #[arg(long, requires = "output")]
    pub overwrite: bool,
}

impl Output {
    /// Fails where the file cannot be put there, before anything is asked of a service.
    pub(super) fn check(&self) -> Result<(), Failure> {
        self.output.as_ref().map_or(Ok(()), |path| Ok(check_new_file(path, self.existing())?))
    }

    /// Writes the result to the file, or else to `out`.
    pub(super) fn put(
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

    /// Tells whether the result goes to standard output.
    pub(super) fn is_standard(&self) -> bool {
        self.output.is_none()
    }

    fn existing(&self) -> Existing {
        if self.overwrite { Existing::Replace } else { Existing::Keep }
    }
}
