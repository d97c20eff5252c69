//! `millicore simulate`: a workload under one policy or several, to the nanosecond.

mod arguments;
mod output;
mod output_files;
mod plan;

pub(crate) use arguments::Arguments;

use crate::failure::{Failure, note};
use crate::interrupt;
use millicore_sim::workload::{excerpt, write_csv};
use millicore_sim::{Dispatch, simulate_observed};
use output::Outcome;
use plan::{Plan, PlannedWorkload};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let plan = Plan::try_from(arguments)?;
    interrupt::listen_to_end()?;
    let PlannedWorkload {
        workload,
        place,
        seed,
    } = plan.workload()?;
    if let Some(seed) = seed {
        note(format_args!("seed {seed}"));
    }
    plan.warn_of_idle_tenants(&workload);
    plan.warn_of_many_chunks(&workload);
    if let Some(path) = &plan.save {
        let file = create(path)?;
        write_csv(&workload, file).map_err(|error| Failure::at(shown(path), error))?;
    }
    let mut outcomes = Vec::with_capacity(plan.setups.len());
    for setup in &plan.setups {
        let mut record = Record::create(plan.dispatches.as_deref())?;
        let schedule = simulate_observed(&workload, setup, |dispatch| record.add(dispatch))
            .map_err(|error| Failure::at(&place, error))?;
        record.finish()?;
        outcomes.push(Outcome::new(setup, &workload, schedule));
    }
    output::write(plan.format, &workload, &outcomes)
}

/// A path as messages name it.
fn shown(path: &Path) -> String {
    excerpt(&path.to_string_lossy())
}

fn create(path: &Path) -> Result<BufWriter<File>, Failure> {
    let file = File::create(path).map_err(|error| Failure::at(shown(path), error))?;
    Ok(BufWriter::new(file))
}

/// The chunks of a run, one JSON object a line, if anybody wants them.
struct Record<'a> {
    file: Option<(&'a Path, BufWriter<File>)>,
    failure: Option<Failure>,
}

impl<'a> Record<'a> {
    fn create(path: Option<&'a Path>) -> Result<Self, Failure> {
        let file = path
            .map(|path| create(path).map(|file| (path, file)))
            .transpose()?;
        Ok(Self {
            file,
            failure: None,
        })
    }

    fn add(&mut self, dispatch: Dispatch) {
        let Some((path, file)) = &mut self.file else {
            return;
        };
        let Dispatch {
            now_ns,
            core,
            id,
            cost_ns,
            ..
        } = dispatch;
        let line = writeln!(
            file,
            r#"{{"now_ns":{now_ns},"core":{core},"id":{id},"cost_ns":{cost_ns}}}"#
        );
        if let Err(error) = line {
            self.failure = Some(Failure::at(shown(path), error));
            self.file = None;
        }
    }

    fn finish(mut self) -> Result<(), Failure> {
        if let Some((path, file)) = &mut self.file {
            file.flush()
                .map_err(|error| Failure::at(shown(path), error))?;
        }
        self.failure.map_or(Ok(()), Err)
    }
}
