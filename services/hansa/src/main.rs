//! The hansa binary: reads the command line, sets up logging, runs one command.

mod commands;

use std::process::ExitCode;

use clap::Parser as _;
use hansa::client::Refused;

fn main() -> ExitCode {
    let cli = commands::Cli::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info,h2=off,hyper=off,tonic=off,sqlx=warn"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    if cli.log_json {
        log.json().init();
    } else {
        log.compact().init();
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("hansa: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(commands::run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            match error.downcast_ref::<Refused>() {
                Some(refused) => eprintln!("refused: {refused}"),
                None => eprintln!("hansa: {error:#}"),
            }
            ExitCode::FAILURE
        }
    }
}
