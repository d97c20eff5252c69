//! `millicore quota convert`: what becomes of an amount of CPU on its way to the kernel.

use super::{Format, SCHEMA, as_json, print};
use crate::columns::write_columns;
use crate::failure::Failure;
use clap::Args;
use millicore_quota::{Conversion, Millicores, ProcessLimit, RUNTIMES, Visible, conversions};
use serde::Serialize;

/// Convert an amount of CPU: what Kubernetes, Docker and the kernel make of it
///
/// One amount is rounded differently by each of them. The table has what each writes, and which
/// limit that amounts to; and how many threads well-known runtimes believe to be of use under it,
/// on this machine.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  millicore quota convert 125m
  millicore quota convert 0.5 --format json")]
pub(super) struct Arguments {
    /// Cores (2, 0.5) or millicores (500m)
    #[arg(value_name = "AMOUNT", allow_hyphen_values = true)]
    amount: String,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Serialize)]
struct Document {
    schema: u32,
    limit_m: u32,
    conversions: Vec<ConversionDocument>,
    runtimes: Vec<RuntimeDocument>,
}

#[derive(Serialize)]
struct ConversionDocument {
    name: &'static str,
    written: String,
    acts_as_m: Option<u32>,
}

/// How many threads a runtime believes to be of use.
#[derive(Serialize)]
pub(super) struct RuntimeDocument {
    name: &'static str,
    rule: &'static str,
    threads: usize,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let amount: Millicores = arguments.amount.parse().map_err(Failure::usage)?;
    let processors = ProcessLimit::read().affinity_cores.get();
    let conversions = conversions(amount);
    let runtimes = runtimes(&Visible::alone(amount, processors));
    print(&match arguments.format {
        Format::Table => table(amount, processors, &conversions, &runtimes)?,
        Format::Json => as_json(&Document {
            schema: SCHEMA,
            limit_m: amount.get(),
            conversions: conversions.into_iter().map(Into::into).collect(),
            runtimes,
        })?,
    })
}

/// What each runtime believes.
pub(super) fn runtimes(visible: &Visible) -> Vec<RuntimeDocument> {
    let runtimes = RUNTIMES.iter();
    runtimes
        .map(|runtime| RuntimeDocument {
            name: runtime.name,
            rule: runtime.rule,
            threads: runtime.threads(visible),
        })
        .collect()
}

impl From<Conversion> for ConversionDocument {
    fn from(conversion: Conversion) -> Self {
        Self {
            name: conversion.name,
            written: conversion.written,
            acts_as_m: conversion.acts_as.map(Millicores::get),
        }
    }
}

fn table(
    amount: Millicores,
    processors: usize,
    conversions: &[Conversion],
    runtimes: &[RuntimeDocument],
) -> Result<String, Failure> {
    let mut rows = vec![vec![
        amount.to_string(),
        "written".to_owned(),
        "acts as".to_owned(),
    ]];
    rows.extend(conversions.iter().map(|conversion| {
        let acts_as = conversion.acts_as.map(|limit| limit.to_string());
        vec![
            conversion.name.to_owned(),
            conversion.written.clone(),
            acts_as.unwrap_or_default(),
        ]
    }));
    let mut text = Vec::new();
    let written = write_columns(&mut text, &rows);
    written.map_err(|error| Failure::output(&error))?;
    let mut text = String::from_utf8_lossy(&text).into_owned();
    text += &format!("\nthreads believed to be of use, on {processors} processors\n");
    text += &runtime_lines(runtimes);
    Ok(text)
}

/// One line a runtime: how many threads, and by which rule.
pub(super) fn runtime_lines(runtimes: &[RuntimeDocument]) -> String {
    let wide = runtimes.iter().map(|it| it.name.len()).max().unwrap_or(0);
    runtimes
        .iter()
        .map(|it| format!("{:wide$}  {:>3}  {}\n", it.name, it.threads, it.rule))
        .collect()
}
