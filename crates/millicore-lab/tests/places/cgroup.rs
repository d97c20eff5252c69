//! What holds for control groups alone: nothing stays behind, whoever is killed.

use crate::program::{Told, command, start_owner};
use crate::usable;
use millicore_quota::{CgroupPlace, Spec, remove_leftovers};
use std::path::Path;

#[test]
fn a_group_that_is_dropped_is_gone() {
    let Some(place) = usable(CgroupPlace::find()) else {
        return;
    };
    let spec = Spec {
        label: "dropped".to_owned(),
        ..Spec::default()
    };
    let mut group = place.create(&spec).unwrap();
    let directory = group.directory().to_owned();
    let mut child = group.spawn(&mut command(Told::LeaveDaemon)).unwrap();
    child.wait().unwrap();
    assert!(directory.is_dir());
    drop(group);
    assert!(!directory.exists());
}

#[test]
fn what_a_killed_owner_left_is_removed_and_nothing_else() {
    let Some(place) = usable(CgroupPlace::find()) else {
        return;
    };
    let other = place.create(&Spec::default()).unwrap();
    let (mut owner, directory) = start_owner(Told::OwnGroup);
    assert!(
        remove_leftovers()
            .iter()
            .all(|it| !directory.starts_with(it))
    );
    owner.kill().unwrap();
    owner.wait().unwrap();

    assert!(Path::new(&directory).is_dir());
    let removed = remove_leftovers();
    assert!(
        removed.iter().any(|it| directory.starts_with(it)),
        "{removed:?}"
    );
    assert!(!Path::new(&directory).exists());
    assert!(other.directory().is_dir());
}
