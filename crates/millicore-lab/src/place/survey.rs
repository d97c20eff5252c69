//! Which places can be used here, and what each can do: as data, and printed.

use crate::place::{PlaceKind, find};
use crate::text::{WIDTH, align, wrap};
use millicore_quota::{Capabilities, Millicores};
use serde::Serialize;

/// All places, looked for on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey(Vec<Surveyed>);

/// A place that was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surveyed {
    /// Which.
    pub place: PlaceKind,
    /// What it can do, or why it cannot be used and what would make it usable.
    pub found: Result<Capabilities, String>,
}

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    places: Vec<Row<'a>>,
}

/// A place as a report for programs has it: nothing is known of one that cannot be used.
#[derive(Serialize)]
struct Row<'a> {
    place: PlaceKind,
    usable: bool,
    floor_m: Option<u32>,
    live_update: Option<bool>,
    burst: Option<bool>,
    ancestors_visible: Option<bool>,
    kept_by: Option<&'a str>,
    why: Option<&'a str>,
}

impl Survey {
    /// Looks for all of them. A group is made and removed for it, and an engine is asked for its
    /// version.
    #[must_use]
    pub fn of_this_machine() -> Self {
        let look = |place: PlaceKind| Surveyed {
            place,
            found: find(place)
                .map(|it| it.capabilities())
                .map_err(|error| error.to_string()),
        };
        Self(PlaceKind::ALL.map(look).into())
    }

    fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.0.iter().map(|it| {
            let can = it.found.as_ref().ok();
            Row {
                place: it.place,
                usable: can.is_some(),
                floor_m: can.and_then(|can| can.floor).map(Millicores::get),
                live_update: can.map(|can| can.has_live_update),
                burst: can.map(|can| can.has_burst),
                ancestors_visible: can.map(|can| can.sees_ancestors),
                kept_by: can.map(|can| &*can.kept_by),
                why: it.found.as_ref().err().map(|why| &**why),
            }
        })
    }

    /// A line for each, and why one cannot be used.
    #[must_use]
    pub fn to_table(&self) -> String {
        let header = [
            "place",
            "usable",
            "smallest limit",
            "changed live",
            "burst",
            "sees limits above",
        ];
        let mut rows = vec![header.map(str::to_owned).to_vec()];
        let mut more = String::new();
        for row in self.rows() {
            let floor = match (row.usable, row.floor_m) {
                (true, None) => "no limits".to_owned(),
                (true, Some(floor_m)) => format!("{floor_m}m"),
                (false, _) => UNKNOWN.to_owned(),
            };
            rows.push(vec![
                row.place.to_string(),
                yes_or_no(Some(row.usable)),
                floor,
                yes_or_no(row.live_update),
                yes_or_no(row.burst),
                yes_or_no(row.ancestors_visible),
            ]);
            let lead = format!("{:9} ", row.place.name());
            let says = row.kept_by.map(|by| format!("limits are kept by {by}"));
            more += &wrap(
                &lead,
                &says.or(row.why.map(str::to_owned)).unwrap_or_default(),
                WIDTH,
            );
        }
        align(&rows, header.len()) + "\n" + &more
    }

    /// One object.
    ///
    /// # Errors
    ///
    /// Says what could not be written as JSON, which is a mistake of this program.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(&Document {
            schema: 1,
            places: self.rows().collect(),
        })
    }
}

const UNKNOWN: &str = "-";

fn yes_or_no(answer: Option<bool>) -> String {
    match answer {
        Some(true) => "yes",
        Some(false) => "no",
        None => UNKNOWN,
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Survey, Surveyed};
    use crate::place::PlaceKind;
    use millicore_quota::{Capabilities, Millicores, Place, ProcessPlace};
    use serde_json::{Value, json};

    fn survey() -> Survey {
        let group = Capabilities {
            place: "cgroup",
            kept_by: "cgroup version 1".to_owned(),
            floor: Some(Millicores::MIN),
            has_live_update: true,
            has_burst: true,
            sees_ancestors: true,
        };
        let found = [
            Ok(ProcessPlace::new().capabilities()),
            Ok(group),
            Err("no engine".to_owned()),
        ];
        let places = PlaceKind::ALL.into_iter().zip(found);
        let surveyed = places.map(|(place, found)| Surveyed { place, found });
        Survey(surveyed.collect())
    }

    #[test]
    fn places_are_told_to_people() {
        let expected = "\
place    usable  smallest limit  changed live  burst  sees limits above
process  yes     no limits       no            no     yes
cgroup   yes     1m              yes           yes    yes
docker   no      -               -             -      -

process   limits are kept by nobody
cgroup    limits are kept by cgroup version 1
docker    no engine
";
        assert_eq!(survey().to_table(), expected);
    }

    #[test]
    fn places_are_told_to_programs() {
        let document: Value = serde_json::from_str(&survey().to_json().unwrap()).unwrap();
        assert_eq!(document["schema"], 1);
        assert_eq!(document["places"][1]["floor_m"], 1);
        let unusable = json!({
            "place": "docker",
            "usable": false,
            "floor_m": null,
            "live_update": null,
            "burst": null,
            "ancestors_visible": null,
            "kept_by": null,
            "why": "no engine",
        });
        assert_eq!(document["places"][2], unusable);
    }
}
