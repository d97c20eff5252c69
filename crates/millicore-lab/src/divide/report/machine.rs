//! What machine a report comes from, and how busy it was, in lines of text.

use crate::divide::report::Report;
use crate::machine::{CpuPressure, LoadAverages};
use crate::text::wrap;

const UNKNOWN: &str = "unknown";

/// A line for each thing that is known, longer ones wrapped.
pub(super) fn describe(report: &Report, width: usize) -> String {
    let machine = &report.machine;
    let mut lines = vec![
        ("machine", model(report)),
        ("cores", cores(report)),
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
                load(report.load_after)
            ),
        ),
        ("pressure", pressure(machine.cpu_pressure)),
        ("run", busy(report)),
        ("request", report.work.clone()),
    ];
    let warnings = machine.limit_warnings.iter().cloned();
    lines.extend(warnings.map(|warning| ("warning", warning)));
    let longest_name = lines.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let line =
        |(name, text): &(&str, String)| wrap(&format!("{name:longest_name$}  "), text, width);
    lines.iter().map(line).collect()
}

fn model(report: &Report) -> String {
    let model = report.machine.cpu_model.as_deref().unwrap_or(UNKNOWN);
    let kernel = report.machine.kernel_release.as_deref().unwrap_or(UNKNOWN);
    format!("{model}, kernel {kernel}")
}

fn cores(report: &Report) -> String {
    let online = report.machine.cores_online.map(|cores| cores.to_string());
    format!(
        "{} online, {} in the affinity mask",
        online.as_deref().unwrap_or(UNKNOWN),
        report.machine.cores_in_affinity_mask
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

fn busy(report: &Report) -> String {
    let wall_s = report.wall.as_secs_f64();
    match report.cpu_use {
        Some(cpu) => format!(
            "{wall_s:.1} s, all cores {:.0} % busy, {:.1} % stolen",
            cpu.busy_percent, cpu.steal_percent
        ),
        None => format!("{wall_s:.1} s"),
    }
}
