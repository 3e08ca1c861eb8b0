//! The program's integration tests, in a single binary.

#[cfg(target_os = "linux")]
mod canary;
mod cli_program;
#[cfg(target_os = "linux")]
mod console_sign_in;
mod console_state;
#[cfg(target_os = "linux")]
mod console_terminal;
#[cfg(target_os = "linux")]
mod console_triage;
mod report;
mod support;
mod writer;
