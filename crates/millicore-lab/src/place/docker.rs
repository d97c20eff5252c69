//! The place `docker`: containers of a Docker engine, each with the program alone in its image.

mod container;
mod counting;
mod engine;
mod image;
mod leftovers;
mod limits;
mod output;
mod program;
mod removal;

pub use leftovers::Listed;

use container::Container;
use engine::Engine;
use millicore_quota::{Capabilities, Enclosure, Millicores, Owner, Place, PlaceError, Roots, Spec};
use std::io;
use std::sync::Arc;

const NAME: &str = "docker";

/// A Docker engine, or one that speaks like it: the one that `DOCKER_HOST` names, or that of this
/// machine.
///
/// The image of a program is made here and now, from the program itself and the libraries that it is
/// linked with: no registry is asked. Containers are on the engine's default network, with their own
/// addresses.
#[derive(Debug, Clone)]
pub struct DockerPlace {
    engine: Arc<Engine>,
    owner: Owner,
}

impl DockerPlace {
    /// Asks the engine for its version.
    ///
    /// # Errors
    ///
    /// Says why there is no engine to be used, and what would make one usable.
    pub fn connect() -> Result<Self, PlaceError> {
        let owner = Owner::this_process(&Roots::default().proc);
        let owner = owner
            .ok_or_else(|| engine::unusable("/proc does not tell when this process started"))?;
        Ok(Self {
            engine: Arc::new(Engine::connect()?),
            owner,
        })
    }

    /// All containers of this program at the engine, whoever has made them.
    ///
    /// # Errors
    ///
    /// Says what the engine refused.
    pub fn containers(&self) -> Result<Vec<Listed>, PlaceError> {
        let found = leftovers::ours(&self.engine);
        found.map_err(|error| failed("listing the containers of the Docker engine", error))
    }

    /// Ends and removes containers whose maker was killed before it could, and images that are no
    /// longer of use; answers with their names.
    ///
    /// # Errors
    ///
    /// Says what the engine refused.
    pub fn remove_leftovers(&self) -> Result<Vec<String>, PlaceError> {
        leftovers::remove(&self.engine)
    }
}

impl Place for DockerPlace {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            place: NAME,
            kept_by: self.engine.version().to_owned(),
            floor: Some(Millicores::MIN),
            has_live_update: true,
            has_burst: false,
            sees_ancestors: false,
        }
    }

    fn open(&self, spec: &Spec) -> Result<Box<dyn Enclosure>, PlaceError> {
        limits::check(spec, self.engine.processors())?;
        let label = if spec.label.is_empty() {
            "container"
        } else {
            &spec.label
        };
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if !label.bytes().all(is_word) {
            let error = io::Error::other("a label has letters, digits and `-`");
            return Err(failed(
                format!("making a container labelled {label:?}"),
                error,
            ));
        }
        let name = self.owner.name(label);
        let container = Container::new(Arc::clone(&self.engine), name, spec.clone());
        Ok(Box::new(container))
    }
}

fn failed(doing: impl Into<String>, source: io::Error) -> PlaceError {
    PlaceError::Failed {
        doing: doing.into(),
        source,
    }
}
