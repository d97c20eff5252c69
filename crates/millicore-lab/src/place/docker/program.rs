//! The program of a container, while it runs.

use super::engine::Engine;
use super::failed;
use super::output::{Output, streams};
use bollard::errors::Error;
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, KillContainerOptionsBuilder, StartContainerOptions,
    WaitContainerOptions,
};
use futures_lite::StreamExt;
use millicore_quota::{PlaceError, Running};
use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// What a killed program ends with: 128 and the number of SIGKILL.
const KILLED: i64 = 137;

/// The program of a container.
#[derive(Debug)]
pub(super) struct ContainerProgram {
    engine: Arc<Engine>,
    name: String,
    pub(super) address: IpAddr,
    stdout: Option<Output>,
    stderr: Option<Output>,
    /// Its exit status, once it has one.
    ended: watch::Receiver<Option<i64>>,
}

impl ContainerProgram {
    /// Starts the container of this name. Attaches first, so that nothing that it says is lost.
    pub(super) fn start(engine: &Arc<Engine>, name: &str) -> io::Result<Self> {
        let docker = engine.docker.clone();
        let options = AttachContainerOptionsBuilder::new()
            .stdout(true)
            .stderr(true)
            .stream(true)
            .build();
        let attached = engine.ask(docker.attach_container(name, Some(options)))?;
        let (stdout, stderr, writers) = streams();
        engine.spawn(writers.take(attached.output));
        engine.ask(docker.start_container(name, None::<StartContainerOptions>))?;
        let (report, ended) = watch::channel(None);
        let waited_for = name.to_owned();
        engine.spawn(async move {
            let mut answers = docker.wait_container(&waited_for, None::<WaitContainerOptions>);
            let code = match answers.next().await {
                Some(Ok(answer)) => answer.status_code,
                Some(Err(Error::DockerContainerWaitError { code, .. })) => code,
                // It was removed meanwhile.
                _ => KILLED,
            };
            // Whoever waited may have left.
            let _ = report.send(Some(code));
        });
        Ok(Self {
            engine: Arc::clone(engine),
            name: name.to_owned(),
            address: Ipv4Addr::LOCALHOST.into(),
            stdout: Some(stdout),
            stderr: Some(stderr),
            ended,
        })
    }

    /// One that has ended since needs none.
    fn signal(&self, signal: &str) -> io::Result<()> {
        if self.ended.borrow().is_some() {
            return Ok(());
        }
        let options = KillContainerOptionsBuilder::new().signal(signal).build();
        let docker = &self.engine.docker;
        let sent = self
            .engine
            .ask(docker.kill_container(&self.name, Some(options)));
        sent.or_else(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::AlreadyExists => Ok(()),
            _ => Err(error),
        })
    }
}

impl Running for ContainerProgram {
    fn address(&self) -> IpAddr {
        self.address
    }

    fn take_stdout(&mut self) -> Option<Box<dyn Read + Send>> {
        Some(Box::new(self.stdout.take()?))
    }

    fn take_stderr(&mut self) -> Option<Box<dyn Read + Send>> {
        Some(Box::new(self.stderr.take()?))
    }

    fn ask_to_stop(&mut self) -> Result<(), PlaceError> {
        self.signal("SIGTERM")
            .map_err(|error| failed(format!("asking {} to stop", self.name), error))
    }

    fn wait(&mut self, at_most: Duration) -> Result<Option<ExitStatus>, PlaceError> {
        let mut ended = self.ended.clone();
        let code = self.engine.wait_for(async move {
            let end = ended.wait_for(Option::is_some);
            match tokio::time::timeout(at_most, end).await {
                Ok(code) => code.map_or(Some(KILLED), |code| *code),
                Err(_too_late) => None,
            }
        });
        let code = code.and_then(|code| i32::try_from(code).ok());
        // The upper byte of a wait status.
        Ok(code.map(|code| ExitStatus::from_raw((code & 0xff) << 8)))
    }
}

impl Drop for ContainerProgram {
    fn drop(&mut self) {
        // There is nobody to tell; the container is removed with its enclosure.
        let _ = self.signal("SIGKILL");
    }
}
