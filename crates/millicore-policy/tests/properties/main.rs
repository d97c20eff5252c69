//! The scheduler against a slow model of the design's conventions, on random lives.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod account;
mod bounds;
mod driver;
mod model;
mod random;
mod script;

use millicore_policy::policies::ALL;
use proptest::prelude::*;
use random::Random;
use script::{SETUP_BYTES, STEP_BYTES, Script};

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let setup = any::<[u8; SETUP_BYTES]>();
    let steps = proptest::collection::vec(any::<[u8; STEP_BYTES]>(), 0..300);
    (setup, steps).prop_map(|(setup, steps)| [setup.as_slice(), steps.as_flattened()].concat())
}

fn scripts() -> impl Strategy<Value = Script> {
    bytes().prop_map(|bytes| Script::decode(&bytes))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn every_answer_is_what_the_design_says(script in scripts()) {
        driver::run(&script);
    }

    #[test]
    fn a_policy_that_stays_answers_what_the_design_says(mut script in scripts(), width in any::<u8>()) {
        script.steps.retain(|step| !matches!(step, script::Step::SetPolicy(_)));
        for (order, _) in (0..).zip(ALL) {
            script.config.policy = script::policy(order, width);
            driver::run(&script);
        }
    }
}

/// What the fuzzer runs on the bytes it finds, on bytes that chance finds: longer lives.
#[test]
fn random_bytes_are_lives() {
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let length = random.below(20_000);
        let bytes: Vec<u8> = (0..length)
            .map(|_| random.next().to_le_bytes()[0])
            .collect();
        let life = std::panic::catch_unwind(|| driver::run(&Script::decode(&bytes)));
        assert!(life.is_ok(), "seed {seed}");
    }
}
