//! A limit that changes in a tree of files.

use super::LimitWatch;
use crate::limit::Roots;
use std::fs;
use std::path::{Path, PathBuf};

/// A group of version 2 whose file holds `max`; removed in the end.
struct Tree(PathBuf);

impl Tree {
    fn new(name: &str, max: &str) -> Self {
        let root = std::env::temp_dir().join(format!("millicore-{name}-{}", std::process::id()));
        let tree = Self(root);
        tree.write("proc/self/cgroup", "0::/app\n");
        tree.write(
            "proc/self/mountinfo",
            "35 31 0:32 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
        );
        tree.write("sys/fs/cgroup/app/cpu.max", max);
        tree
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.0.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn quota_us(watch: &LimitWatch) -> Option<u64> {
    Some(watch.limit().group.as_ref()?.quota_us)
}

#[test]
fn a_change_is_told_once() {
    let tree = Tree::new("watch", "50000 100000\n");
    let mut watch = LimitWatch::begin_in(&Roots::under(Path::new(&tree.0)));
    assert_eq!(watch.changed(), None);
    for (max, expected) in [("25000 100000\n", Some(25_000)), ("max 100000\n", None)] {
        tree.write("sys/fs/cgroup/app/cpu.max", max);
        assert!(watch.changed().is_some(), "{max}");
        assert_eq!(quota_us(&watch), expected);
        assert_eq!(watch.changed(), None);
    }
}

#[test]
fn another_group_and_a_file_that_comes_are_noticed() {
    let tree = Tree::new("watch-move", "50000 100000\n");
    tree.write("sys/fs/cgroup/other/cgroup.procs", "");
    let mut watch = LimitWatch::begin_in(&Roots::under(Path::new(&tree.0)));
    tree.write("proc/self/cgroup", "0::/other\n");
    assert!(watch.changed().is_some());
    assert_eq!(quota_us(&watch), None);
    tree.write("sys/fs/cgroup/other/cpu.max", "75000 100000\n");
    let noticed = (0..super::ALL_EVERY).any(|_| watch.changed().is_some());
    assert!(noticed);
    assert_eq!(quota_us(&watch), Some(75_000));
}
