//! What runs in a group: a burner, or a server.

use crate::place::PlaceKind;
use crate::saturate::case::{Case, Workload};
use millicore_quota::Program;
use std::ffi::OsString;
use std::path::Path;

/// A program for many groups, and how it says that it is ready.
#[derive(Clone, Debug)]
pub(super) struct Occupant {
    /// What is started.
    pub(super) program: Program,
    /// Where that is.
    pub(super) place: PlaceKind,
    /// What it does.
    pub(super) workload: Workload,
}

impl Occupant {
    /// What a case has in each group.
    pub(super) fn of(case: &Case, program: &Path, place: PlaceKind) -> Self {
        match case.workload {
            Workload::Spin => {
                let arguments = [
                    "--threads".to_owned(),
                    case.threads.to_string(),
                    "--for".to_owned(),
                    format!("{}ns", case.window_ns),
                    "--request".to_owned(),
                    format!("{}ns", case.request_ns),
                ];
                Self::burner(program, place, &arguments)
            }
            Workload::Serve => Self::server(program, place),
        }
    }

    /// A burner with these arguments of `burn`.
    pub(super) fn burner(program: &Path, place: PlaceKind, arguments: &[String]) -> Self {
        let fixed = ["burn", "--listen", address(place)];
        let fixed = fixed.into_iter().map(str::to_owned);
        let arguments = fixed.chain(arguments.iter().cloned());
        Self::new(program, place, Workload::Spin, arguments)
    }

    /// A server with a thread for each request, as most have.
    fn server(program: &Path, place: PlaceKind) -> Self {
        let arguments = [
            "serve",
            "--model",
            "threads",
            "--log-level",
            "warn",
            "--bind",
        ];
        let arguments = arguments.into_iter().chain([address(place)]);
        Self::new(
            program,
            place,
            Workload::Serve,
            arguments.map(str::to_owned),
        )
    }

    fn new(
        program: &Path,
        place: PlaceKind,
        workload: Workload,
        arguments: impl Iterator<Item = String>,
    ) -> Self {
        Self {
            program: Program {
                executable: program.to_owned(),
                arguments: arguments.map(OsString::from).collect(),
                environment: Vec::new(),
            },
            place,
            workload,
        }
    }
}

/// In a container nobody else is at that address; elsewhere nobody else shall be let in.
const fn address(place: PlaceKind) -> &'static str {
    match place {
        PlaceKind::Docker => "0.0.0.0:0",
        PlaceKind::Process | PlaceKind::Cgroup => "127.0.0.1:0",
    }
}
