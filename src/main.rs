//! The `alertdeck` binary.

fn main() -> std::process::ExitCode {
    alertdeck::program::main()
}
