//! Where the servers are started: beside the lab, in a group each, or in a container each.

use crate::concurrency::server::ServerError;
use crate::place::{Counting, DockerPlace, PlaceKind, PlaceRecord, Site};
use millicore_quota::{
    Capabilities, CgroupEnclosure, CgroupPlace, Enclosure, Place, PlaceError, Program, Running,
};
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{Child, Command};

/// A place that can be used, with the limit of each server in it.
#[derive(Debug)]
pub(super) struct Ground {
    site: Site,
    place: Option<Found>,
}

#[derive(Debug)]
enum Found {
    Group(CgroupPlace),
    Container(DockerPlace),
}

impl Ground {
    pub(super) fn find(site: Site) -> Result<Self, PlaceError> {
        let place = match site.place {
            PlaceKind::Process => None,
            PlaceKind::Cgroup => Some(Found::Group(CgroupPlace::find()?)),
            PlaceKind::Docker => Some(Found::Container(DockerPlace::connect()?)),
        };
        Ok(Self { site, place })
    }

    /// Room for one server.
    pub(super) fn open(&self) -> Result<Plot, PlaceError> {
        let spec = self.site.spec("serve");
        let (enclosure, capabilities) = match &self.place {
            None => (Enclosed::Nowhere, None),
            Some(Found::Group(place)) => (
                Enclosed::Group(Box::new(place.create(&spec)?)),
                Some(place.capabilities()),
            ),
            Some(Found::Container(place)) => (
                Enclosed::Container(place.open(&spec)?),
                Some(place.capabilities()),
            ),
        };
        Ok(Plot {
            site: self.site,
            capabilities,
            enclosure,
        })
    }
}

/// Room for one server, with its limit.
#[derive(Debug)]
pub(super) struct Plot {
    site: Site,
    capabilities: Option<Capabilities>,
    enclosure: Enclosed,
}

#[derive(Debug)]
enum Enclosed {
    Nowhere,
    Group(Box<CgroupEnclosure>),
    Container(Box<dyn Enclosure>),
}

/// A server that was started.
#[derive(Debug)]
pub(super) enum Started {
    /// A child of this process.
    Child(Child),
    /// A container's program.
    Contained(Box<dyn Running>),
}

impl Plot {
    /// Whether processes there have other numbers than here, and another loopback.
    pub(super) const fn is_a_container(&self) -> bool {
        matches!(self.enclosure, Enclosed::Container(_))
    }

    /// Starts a command there; in a container with its arguments alone.
    pub(super) fn start(&mut self, command: &mut Command) -> Result<Started, ServerError> {
        match &mut self.enclosure {
            Enclosed::Nowhere => {
                let child = command.spawn();
                child
                    .map(Started::Child)
                    .map_err(|source| cannot_start(command, source))
            }
            Enclosed::Group(group) => match group.spawn(command) {
                Ok(child) => Ok(Started::Child(child)),
                Err(error) => Err(error.into()),
            },
            Enclosed::Container(container) => {
                let program = Program {
                    executable: PathBuf::from(command.get_program()),
                    arguments: command.get_args().map(OsString::from).collect(),
                    environment: Vec::new(),
                };
                Ok(Started::Contained(container.start(&program)?))
            }
        }
    }

    /// Counts from now on; nothing where nobody counts.
    pub(super) fn count(&self) -> Result<Option<Counting>, PlaceError> {
        let counting = self.enclosed().zip(self.capabilities.clone());
        counting
            .map(|(enclosure, capabilities)| Counting::begin(self.site, capabilities, enclosure))
            .transpose()
    }

    /// What was counted.
    pub(super) fn counted(
        &self,
        counting: Option<Counting>,
    ) -> Result<Option<PlaceRecord>, PlaceError> {
        let counting = self.enclosed().zip(counting);
        counting
            .map(|(enclosure, counting)| counting.end(enclosure))
            .transpose()
    }

    fn enclosed(&self) -> Option<&dyn Enclosure> {
        match &self.enclosure {
            Enclosed::Nowhere => None,
            Enclosed::Group(group) => Some(&**group),
            Enclosed::Container(container) => Some(&**container),
        }
    }

    /// Removes what was made for it.
    pub(super) fn remove(self) -> Result<(), PlaceError> {
        match self.enclosure {
            Enclosed::Nowhere => Ok(()),
            Enclosed::Group(group) => group.remove(),
            Enclosed::Container(container) => container.remove(),
        }
    }
}

fn cannot_start(command: &Command, source: io::Error) -> ServerError {
    ServerError::Start {
        program: PathBuf::from(command.get_program()),
        source,
    }
}
