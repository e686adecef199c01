//! The hansa binary: reads the command line, sets up telemetry, runs one command.

mod commands;

use std::process::ExitCode;

use hansa::{Telemetry, client::Refused};

fn main() -> ExitCode {
    let cli = match commands::Cli::read() {
        Ok(cli) => cli,
        Err(error) => return told(&error),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return told(&error.into()),
    };
    let done = runtime.block_on(async {
        let telemetry = Telemetry::new(cli.otlp_endpoint.as_deref())?;
        telemetry.install(cli.log_json)?;
        let done = commands::run(cli).await;
        // What is left is sent by this runtime, while this thread waits.
        tokio::task::spawn_blocking(move || telemetry.end()).await?;
        done
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => told(&error),
    }
}

fn told(error: &anyhow::Error) -> ExitCode {
    match error.downcast_ref::<Refused>() {
        Some(refused) => eprintln!("refused: {refused}"),
        None => eprintln!("hansa: {error:#}"),
    }
    ExitCode::FAILURE
}
