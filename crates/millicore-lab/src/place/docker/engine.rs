//! The connection to the engine: asynchronous inside, blocking outside.

use super::NAME;
use super::image::Made;
use bollard::Docker;
use bollard::errors::Error;
use millicore_quota::PlaceError;
use std::env;
use std::fmt;
use std::future::Future;
use std::io;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// An engine that answers.
pub(super) struct Engine {
    /// One thread of its own: what containers say is read while nobody waits.
    runtime: Runtime,
    pub(super) docker: Docker,
    /// Those that this process has made.
    pub(super) images: Made,
    version: String,
    processors: Option<u32>,
}

impl Engine {
    pub(super) fn connect() -> Result<Self, PlaceError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("millicore-docker")
            .enable_all()
            .build()
            .map_err(|error| unusable(&format!("no thread for a client of it ({error})")))?;
        let answer = runtime.block_on(async {
            let docker = Docker::connect_with_defaults()?.negotiate_version().await?;
            let version = docker.version().await?;
            let info = docker.info().await?;
            Ok::<_, Error>((docker, version.version, info))
        });
        let (docker, version, info) = answer.map_err(|error| unusable(&why(&error)))?;
        let release = version.unwrap_or_else(|| "unknown".to_owned());
        let groups = info.cgroup_version.map(|version| version.to_string());
        Ok(Self {
            runtime,
            docker,
            images: Made::default(),
            version: format!(
                "Docker {release} with cgroup version {}",
                groups.unwrap_or_else(|| "unknown".to_owned())
            ),
            processors: info.ncpu.and_then(|count| u32::try_from(count).ok()),
        })
    }

    /// Its version, and that of the control groups that it uses.
    pub(super) fn version(&self) -> &str {
        &self.version
    }

    /// How many processors its machine has, where it tells.
    pub(super) fn processors(&self) -> Option<u32> {
        self.processors
    }

    /// Waits for an answer.
    pub(super) fn ask<T>(&self, question: impl Future<Output = Result<T, Error>>) -> io::Result<T> {
        let answer = self.runtime.block_on(question);
        answer.map_err(|error| said(&error))
    }

    /// Waits for anything.
    pub(super) fn wait_for<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    pub(super) fn spawn<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        self.runtime.spawn(task)
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// In the engine's own words, where it has any.
fn said(error: &Error) -> io::Error {
    match error {
        Error::DockerResponseServerError {
            status_code,
            message,
        } => {
            let kind = match status_code {
                404 => io::ErrorKind::NotFound,
                // A conflict: it is so already, or cannot be meanwhile.
                409 => io::ErrorKind::AlreadyExists,
                // Something went wrong there, which a moment later may not.
                500..=599 => io::ErrorKind::ResourceBusy,
                _ => io::ErrorKind::Other,
            };
            io::Error::new(kind, message.clone())
        }
        other => {
            let mut words = other.to_string();
            let mut cause = std::error::Error::source(other);
            while let Some(inner) = cause {
                let more = inner.to_string();
                if !words.contains(&more) {
                    words += &format!(": {more}");
                }
                cause = inner.source();
            }
            io::Error::other(words)
        }
    }
}

/// Why there is no answer, or which one.
fn why(error: &Error) -> String {
    if let Error::DockerResponseServerError { message, .. } = error {
        return format!("the Docker engine refuses ({})", message.trim_end());
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let named = env::var("DOCKER_HOST").ok();
    let place = named.map_or_else(String::new, |host| format!(" at {host}"));
    format!("no Docker engine answers{place} ({cause})")
}

pub(super) fn unusable(why: &str) -> PlaceError {
    PlaceError::Unusable {
        place: NAME,
        why: why.to_owned(),
        remedy: "start one (dockerd, or the service docker), let this user reach its socket, or \
                 name another in DOCKER_HOST; the place process needs nothing"
            .to_owned(),
    }
}
