//! What the machine refuses, and the end of its clock.

use super::setup;
use crate::machine::{SimulateError, simulate};
use crate::setup::{SetupError, parse_limit, parse_tenant};
use crate::workload::WorkloadError;
use crate::{Request, Setup, Workload};

#[test]
fn the_last_instant_of_the_clock_is_an_error() {
    let late = Request::new(7, u64::MAX - 5, 3);
    let run = |request: &Request, setup: &Setup| {
        simulate(&std::iter::once(request.clone()).collect(), setup)
    };
    let plain = setup("fair", 1, 10);
    assert_eq!(
        run(&late, &plain).unwrap().makespan_ns(),
        Some(u64::MAX - 2)
    );
    let overflow = Err(SimulateError::ClockOverflow { id: 7 });
    assert_eq!(run(&Request { size_ns: 6, ..late }, &plain), overflow);
    assert_eq!(
        run(
            &late,
            &Setup {
                overhead_ns: u64::MAX,
                ..plain.clone()
            }
        ),
        overflow
    );
    // A debt that no period pays back in time.
    let machine_limit = Some(parse_limit("1m/1000s").unwrap());
    let limited = Setup {
        machine_limit,
        chunk_ns: u64::MAX / 2,
        ..plain
    };
    let long = Request::new(7, 0, u64::MAX / 2 + 2);
    assert_eq!(run(&long, &limited), overflow);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let workload = Workload::batch(&[1]);
    let refused = |setup: &Setup, expected: SetupError| {
        assert_eq!(
            simulate(&workload, setup),
            Err(SimulateError::Setup(expected))
        );
    };
    let plain = setup("fair", 1, 1);
    refused(
        &Setup {
            cores: 0,
            ..plain.clone()
        },
        SetupError::Cores { cores: 0 },
    );
    refused(
        &Setup {
            chunk_ns: 0,
            ..plain.clone()
        },
        SetupError::NoChunk,
    );
    let twice = vec![parse_tenant("a=1").unwrap(), parse_tenant("a=2").unwrap()];
    let twice = Setup {
        tenants: twice,
        ..plain
    };
    refused(
        &twice,
        SetupError::TwiceTheTenant {
            tenant: "a".to_owned(),
        },
    );
    let refused = |request: Request, expected: WorkloadError| {
        let workload = [request, Request::new(1, 0, 1)].into_iter().collect();
        assert_eq!(
            simulate(&workload, &plain),
            Err(SimulateError::Workload(expected))
        );
    };
    refused(Request::new(5, 0, 0), WorkloadError::NoSize { id: 5 });
    refused(Request::new(1, 9, 1), WorkloadError::TwiceTheId { id: 1 });
    let heavy = Request {
        weight: 10_001,
        ..Request::new(5, 0, 1)
    };
    refused(
        heavy,
        WorkloadError::Weight {
            id: 5,
            weight: 10_001,
        },
    );
    let stray = Request {
        tenant: 1,
        ..Request::new(5, 0, 1)
    };
    refused(stray, WorkloadError::UnknownTenant { id: 5, tenant: 1 });
}
