//! Signals that are meant for the command, passed on to it.

use rustix::fd::OwnedFd;
use rustix::process::{Signal, pidfd_send_signal};
use signal_hook::consts::{SIGALRM, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::WithRawSiginfo;
use std::{fs, io, process};

/// What is passed on, as the system numbers it and as rustix names it.
const PASSED_ON: [(i32, Signal); 8] = [
    (SIGALRM, Signal::ALARM),
    (SIGHUP, Signal::HUP),
    (SIGINT, Signal::INT),
    (SIGQUIT, Signal::QUIT),
    (SIGTERM, Signal::TERM),
    (SIGUSR1, Signal::USR1),
    (SIGUSR2, Signal::USR2),
    (SIGWINCH, Signal::WINCH),
];

/// `SI_KERNEL` of sigaction(2).
const SENT_BY_KERNEL: i32 = 0x80;

/// Listens from before the command is started, so that none is lost and none ends this process.
pub(super) struct Listener(SignalsInfo<WithRawSiginfo>);

pub(super) fn listen() -> io::Result<Listener> {
    SignalsInfo::new(PASSED_ON.map(|(number, _)| number)).map(Listener)
}

impl Listener {
    /// Passes signals on to the process of this descriptor, for as long as it is there.
    ///
    /// What the kernel sends, such as for a key at the terminal, it sends to the command as well:
    /// passed on it would arrive twice. But that the terminal has gone, it tells the leader of the
    /// session alone.
    pub(super) fn pass_on(mut self, command: &OwnedFd) {
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let leads_session = session(&stat) == Some(process::id());
        for about in self.0.forever() {
            let found = PASSED_ON
                .iter()
                .find(|(number, _)| *number == about.si_signo);
            let knows =
                about.si_code == SENT_BY_KERNEL && !(leads_session && about.si_signo == SIGHUP);
            if let Some((_, signal)) = found
                && !knows
                && pidfd_send_signal(command, *signal).is_err()
            {
                return;
            }
        }
    }
}

/// The session that a process is in, by what `/proc/PID/stat` says of it: proc(5). It is 0 where its
/// leader is outside of this PID namespace, or is the kernel.
fn session(stat: &str) -> Option<u32> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::session;

    #[test]
    fn a_session_is_read_behind_any_name() {
        assert_eq!(session("7 (a) b) (c) S 1 7 5 34816 7"), Some(5));
        assert_eq!(session("7 (sh) S 1 7 0 0 -1"), Some(0));
        assert_eq!(session(""), None);
    }
}
