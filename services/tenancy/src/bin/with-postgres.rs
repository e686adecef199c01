//! Runs a command with a private PostgreSQL for tests, and ends with the command's own status.

use std::{
    env,
    process::{Command, ExitCode},
};

use hansa_tenancy::dev::{DevPostgres, Durability};

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1);
    let Some(program) = arguments.next() else {
        eprintln!("usage: with-postgres COMMAND [ARGUMENT…]");
        return ExitCode::from(2);
    };
    let folder = env::temp_dir().join(format!("hansa-test-{}", std::process::id()));
    let server = match DevPostgres::start(&folder, Durability::ForTests) {
        Ok(server) => server,
        Err(error) => {
            eprintln!("with-postgres: {error}");
            return ExitCode::FAILURE;
        }
    };
    let status = Command::new(program)
        .args(arguments)
        .env("HANSA_TEST_DATABASE_URL", server.url("postgres"))
        .status();
    drop(server);
    let _ = std::fs::remove_dir_all(&folder);
    match status {
        Ok(status) => ExitCode::from(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1)),
        Err(error) => {
            eprintln!("with-postgres: {error}");
            ExitCode::FAILURE
        }
    }
}
