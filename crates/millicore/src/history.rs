//! What classes of requests have taken so far, as an estimate for the next one.

use std::collections::HashMap;

/// Mean CPU time of each class, newer requests weighing more.
#[derive(Debug, Default)]
pub(crate) struct History {
    classes: HashMap<Box<str>, Mean>,
}

#[derive(Clone, Copy, Debug)]
struct Mean {
    cpu_ns: u64,
    requests: u64,
}

/// The newest request weighs one in so many, once there are as many.
const MEMORY: u64 = 16;

impl History {
    pub(crate) fn estimate_ns(&self, class: &str) -> Option<u64> {
        self.classes.get(class).map(|mean| mean.cpu_ns.max(1))
    }

    pub(crate) fn record(&mut self, class: &str, cpu_ns: u64) {
        let Some(mean) = self.classes.get_mut(class) else {
            self.classes.insert(
                class.into(),
                Mean {
                    cpu_ns,
                    requests: 1,
                },
            );
            return;
        };
        mean.requests += 1;
        let share = mean.requests.min(MEMORY);
        mean.cpu_ns = mean.cpu_ns - mean.cpu_ns / share + cpu_ns / share;
    }
}

#[cfg(test)]
mod tests {
    use super::History;

    fn check(cpu_ns: &[u64], expected: Option<u64>) {
        let mut history = History::default();
        for &one in cpu_ns {
            history.record("/report", one);
        }
        assert_eq!(history.estimate_ns("/report"), expected, "{cpu_ns:?}");
        assert_eq!(history.estimate_ns("/other"), None);
    }

    #[test]
    fn an_estimate_is_the_mean_and_follows_change() {
        check(&[], None);
        check(&[300], Some(300));
        check(&[200, 400], Some(300));
        let mut changed = vec![1_600; 20];
        changed.push(16_000);
        check(&changed, Some(2_500));
    }
}
