//! Containers whose maker was killed before it could remove them, and images of no more use.

use super::engine::Engine;
use super::failed;
use super::image::LABEL;
use super::removal;
use bollard::models::ContainerSummaryStateEnum;
use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListImagesOptionsBuilder, RemoveImageOptions,
};
use millicore_quota::{Owner, PlaceError, Roots};
use std::collections::HashMap;
use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

/// An image that was made longer ago is likely of another build, if no container uses it. It costs
/// no more than to be made again.
const OLD_IMAGE_S: u64 = 3600;

pub(super) fn remove(engine: &Engine) -> Result<Vec<String>, PlaceError> {
    let doing = "removing what earlier runs left at the Docker engine";
    let removed = containers(engine).map_err(|error| failed(doing, error))?;
    old_images(engine).map_err(|error| failed(doing, error))?;
    Ok(removed)
}

/// A container of this program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name, which says who made it.
    pub name: String,
    /// Whether its program runs.
    pub is_running: bool,
}

/// All containers that a process like this one has made.
pub(super) fn ours(engine: &Engine) -> io::Result<Vec<Listed>> {
    let all = ListContainersOptionsBuilder::new().all(true).build();
    let mut listed = Vec::new();
    for container in engine.ask(engine.docker.list_containers(Some(all)))? {
        let is_running = container.state == Some(ContainerSummaryStateEnum::RUNNING);
        let names = container.names.into_iter().flatten();
        let names = names.map(|name| name.trim_start_matches('/').to_owned());
        listed.extend(
            names
                .filter(|name| Owner::of(name).is_some())
                .map(|name| Listed { name, is_running }),
        );
    }
    Ok(listed)
}

fn containers(engine: &Engine) -> io::Result<Vec<String>> {
    let names = ours(engine)?.into_iter().map(|it| it.name);
    let proc = Roots::default().proc;
    let is_left = |name: &String| Owner::of(name).is_some_and(|owner| owner.has_ended(&proc));
    let mut removed = Vec::new();
    for name in names.filter(is_left) {
        removal::remove(engine, &name)?;
        removed.push(format!("container {name}"));
    }
    Ok(removed)
}

fn old_images(engine: &Engine) -> io::Result<()> {
    let docker = &engine.docker;
    let ours = HashMap::from([("label", vec![LABEL])]);
    let ours = ListImagesOptionsBuilder::new().filters(&ours).build();
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now_s = now.map_or(0, |now| now.as_secs());
    for image in engine.ask(docker.list_images(Some(ours)))? {
        let created_s = u64::try_from(image.created).unwrap_or(0);
        if now_s.saturating_sub(created_s) > OLD_IMAGE_S {
            // The engine refuses while a container uses it.
            let _ = engine.ask(docker.remove_image(&image.id, None::<RemoveImageOptions>, None));
        }
    }
    Ok(())
}
