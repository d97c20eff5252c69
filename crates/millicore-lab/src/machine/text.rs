//! What machine a report comes from, and how busy it was, in lines of text.

use crate::machine::{CpuPressure, LoadAverages, MachineState, Watched};
use crate::text::wrap;

const UNKNOWN: &str = "unknown";

/// A line for each thing that is known, longer ones wrapped; `run` is what was run and where, by
/// name.
pub(crate) fn describe(
    machine: &MachineState,
    watched: &Watched,
    run: Vec<(&'static str, String)>,
    width: usize,
) -> String {
    let mut lines = vec![
        ("machine", model(machine)),
        ("cores", cores(machine)),
        (
            "limit",
            format!(
                "{}m, from {}",
                machine.limit_millicores, machine.limit_source
            ),
        ),
        (
            "load",
            format!(
                "{} before, {} after (1 min)",
                load(machine.load),
                load(watched.load_after)
            ),
        ),
        ("pressure", pressure(machine.cpu_pressure)),
        ("run", busy(watched)),
    ];
    lines.extend(run);
    let warnings = machine.limit_warnings.iter().cloned();
    lines.extend(warnings.map(|warning| ("warning", warning)));
    let longest_name = lines.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let line =
        |(name, text): &(&str, String)| wrap(&format!("{name:longest_name$}  "), text, width);
    lines.iter().map(line).collect()
}

fn model(machine: &MachineState) -> String {
    let model = machine.cpu_model.as_deref().unwrap_or(UNKNOWN);
    let kernel = machine.kernel_release.as_deref().unwrap_or(UNKNOWN);
    format!("{model}, kernel {kernel}")
}

fn cores(machine: &MachineState) -> String {
    let online = machine.cores_online.map(|cores| cores.to_string());
    format!(
        "{} online, {} in the affinity mask",
        online.as_deref().unwrap_or(UNKNOWN),
        machine.cores_in_affinity_mask
    )
}

fn load(load: Option<LoadAverages>) -> String {
    load.map_or_else(
        || UNKNOWN.to_owned(),
        |load| format!("{:.2}", load.one_minute),
    )
}

fn pressure(pressure: Option<CpuPressure>) -> String {
    let Some(pressure) = pressure else {
        return UNKNOWN.to_owned();
    };
    let percent = pressure.avg10_percent;
    format!("for {percent:.0} % of the 10 s before, some task waited for a core")
}

fn busy(watched: &Watched) -> String {
    let wall_s = watched.wall.as_secs_f64();
    match watched.cpu_use {
        Some(cpu) => format!(
            "{wall_s:.1} s, all cores {:.0} % busy, {:.1} % stolen",
            cpu.busy_percent, cpu.steal_percent
        ),
        None => format!("{wall_s:.1} s"),
    }
}
