//! stub
use clap::Args;
use std::process::ExitCode;
use super::CommandError;
#[derive(Debug, Args)]
pub(crate) struct LabArguments {}
#[derive(Debug, Args)]
pub(crate) struct LabHostArguments {}
pub(crate) async fn lab(_a: LabArguments) -> Result<ExitCode, CommandError> { Ok(ExitCode::SUCCESS) }
pub(crate) fn host(_a: LabHostArguments) -> Result<ExitCode, CommandError> { Ok(ExitCode::SUCCESS) }
