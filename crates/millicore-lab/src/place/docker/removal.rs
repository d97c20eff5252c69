//! Ending a container and removing it, for certain.

use super::engine::Engine;
use bollard::query_parameters::RemoveContainerOptionsBuilder;
use std::io;
use std::thread;
use std::time::Duration;

/// The first pause between two tries; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// After the pause of this length there is one last try: ten seconds after the first.
const LAST_PAUSE: Duration = Duration::from_secs(5);

/// Tries until there is no such container.
///
/// An engine refuses for a moment while the container starts or ends, and while another run, which
/// found it as well, is removing it.
pub(super) fn remove(engine: &Engine, name: &str) -> io::Result<()> {
    let mut pause = FIRST_PAUSE;
    loop {
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true);
        let removed = engine.docker.remove_container(name, Some(options.build()));
        let Err(error) = engine.ask(removed) else {
            return Ok(());
        };
        match error.kind() {
            io::ErrorKind::NotFound => return Ok(()),
            // A conflict, or a failure of the engine; one that does not answer is not asked again.
            io::ErrorKind::AlreadyExists | io::ErrorKind::ResourceBusy if pause <= LAST_PAUSE => {
                thread::sleep(pause);
            }
            _ => return Err(error),
        }
        pause *= 2;
    }
}
