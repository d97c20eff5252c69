//! One container: made when its program starts, limited, read and removed.

use super::counting::Counting;
use super::engine::Engine;
use super::limits::{USUAL_WEIGHT, check, micros, shares, starts_wide, update};
use super::program::ContainerProgram;
use super::{failed, image, removal};
use bollard::models::{
    ContainerCpuStats, ContainerCreateBody, ContainerInspectResponse, HostConfig,
    HostConfigLogConfig,
};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, InspectContainerOptions, StatsOptionsBuilder,
};
use futures_lite::StreamExt;
use millicore_quota::{
    Counters, Enclosure, GroupQuota, Limits, PlaceError, ProcessGroup, Program, Running, Spec,
};
use std::ffi::OsString;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// A container, or one to be.
#[derive(Debug)]
pub(super) struct Container {
    engine: Arc<Engine>,
    name: String,
    spec: Spec,
    is_made: bool,
    /// What its group counts, if it runs and can be seen from here.
    counting: Option<Counting>,
}

impl Container {
    pub(super) fn new(engine: Arc<Engine>, name: String, spec: Spec) -> Self {
        Self {
            engine,
            name,
            spec,
            is_made: false,
            counting: None,
        }
    }

    fn create(&mut self, program: &Program) -> Result<(), PlaceError> {
        let image = image::make(&self.engine, &program.executable)?;
        let made = self.create_from(image, program).or_else(|error| {
            if error.kind() != io::ErrorKind::NotFound {
                return Err(self.failed("making the container", error));
            }
            // Another run has removed the image, as one that nobody used.
            let image = image::make_again(&self.engine, &program.executable)?;
            let made = self.create_from(image, program);
            made.map_err(|error| self.failed("making the container", error))
        });
        self.is_made = made.is_ok();
        made
    }

    fn create_from(&self, image: String, program: &Program) -> io::Result<()> {
        let text = |text: &OsString| text.to_string_lossy().into_owned();
        let variable = |(name, value): &(OsString, OsString)| {
            let (name, value) = (text(name), text(value));
            format!("{name}={value}")
        };
        let body = ContainerCreateBody {
            image: Some(image),
            entrypoint: Some(vec![image::PROGRAM.to_owned()]),
            cmd: Some(program.arguments.iter().map(text).collect()),
            env: Some(program.environment.iter().map(variable).collect()),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            host_config: Some(self.host_config()),
            ..ContainerCreateBody::default()
        };
        let options = CreateContainerOptionsBuilder::new()
            .name(&self.name)
            .build();
        let docker = &self.engine.docker;
        let made = docker.create_container(Some(options), body);
        self.engine.ask(made).map(|_created| ())
    }

    fn host_config(&self) -> HostConfig {
        let limits = self.spec.limits;
        let bandwidth = limits.bandwidth.filter(|_| !starts_wide(&limits));
        HostConfig {
            cpu_quota: bandwidth.map(|it| micros(it.quota())),
            cpu_period: bandwidth.map(|it| micros(it.period())),
            cpu_shares: limits.weight.map(shares),
            cgroup_parent: self.spec.inside.clone(),
            // What it says is read at once, and written nowhere.
            log_config: Some(HostConfigLogConfig {
                typ: Some("none".to_owned()),
                config: None,
            }),
            ..HostConfig::default()
        }
    }

    fn look(&self) -> io::Result<ContainerInspectResponse> {
        let docker = &self.engine.docker;
        let question = docker.inspect_container(&self.name, None::<InspectContainerOptions>);
        self.engine.ask(question)
    }

    fn update(&self, limits: &Limits) -> Result<(), PlaceError> {
        let docker = &self.engine.docker;
        let updated = docker.update_container(&self.name, update(limits));
        self.engine
            .ask(updated)
            .map_err(|error| self.failed("setting the limits of the container", error))
    }

    /// What the engine has counted: where its groups cannot be seen from here.
    fn engine_counters(&self) -> Result<Option<Counters>, PlaceError> {
        let options = StatsOptionsBuilder::new().stream(false).one_shot(true);
        let docker = &self.engine.docker;
        let mut answers = docker.stats(&self.name, Some(options.build()));
        let question = async { answers.next().await.transpose() };
        let answer = self
            .engine
            .ask(question)
            .map_err(|error| self.failed("asking for the counters of the container", error))?;
        Ok(answer.and_then(|it| it.cpu_stats).and_then(counters))
    }

    fn end(&mut self) -> io::Result<()> {
        if !self.is_made {
            return Ok(());
        }
        removal::remove(&self.engine, &self.name)?;
        self.is_made = false;
        Ok(())
    }

    fn failed(&self, doing: &str, source: io::Error) -> PlaceError {
        failed(format!("{doing} {}", self.name), source)
    }
}

/// The numbers of an engine are nanoseconds, whatever the version of its groups; one that has ended
/// has none.
fn counters(stats: ContainerCpuStats) -> Option<Counters> {
    let used_ns = stats.cpu_usage?.total_usage.filter(|ns| *ns > 0)?;
    let throttling = stats.throttling_data.unwrap_or_default();
    Some(Counters {
        cpu: Duration::from_nanos(used_ns),
        periods: throttling.periods.unwrap_or(0),
        throttled_periods: throttling.throttled_periods.unwrap_or(0),
        throttled: Duration::from_nanos(throttling.throttled_time.unwrap_or(0)),
    })
}

fn address(answer: &ContainerInspectResponse) -> Option<IpAddr> {
    let networks = answer.network_settings.as_ref()?.networks.as_ref()?;
    let mut addresses = networks.values().filter_map(|it| it.ip_address.as_ref());
    addresses.find_map(|it| it.parse().ok())
}

fn pid(answer: &ContainerInspectResponse) -> Option<u32> {
    let pid = answer.state.as_ref()?.pid?;
    u32::try_from(pid).ok().filter(|pid| *pid > 0)
}

impl Enclosure for Container {
    fn name(&self) -> &str {
        &self.name
    }

    fn start(&mut self, program: &Program) -> Result<Box<dyn Running>, PlaceError> {
        let cannot_start = |name: &str, source| PlaceError::Start {
            executable: program.executable.clone(),
            enclosure: format!("the container {name}"),
            source,
        };
        if self.is_made {
            let error = io::Error::other("a container has one program, and this one has had its");
            return Err(cannot_start(&self.name, error));
        }
        self.create(program)?;
        let started = ContainerProgram::start(&self.engine, &self.name);
        let mut started = started.map_err(|error| cannot_start(&self.name, error))?;
        let answer = self.look();
        let answer = answer.map_err(|error| self.failed("looking at the container", error))?;
        let id = answer.id.as_deref().unwrap_or(&self.name);
        self.counting = pid(&answer).and_then(|pid| Counting::follow(id, pid));
        if let Some(address) = address(&answer) {
            started.address = address;
        }
        if starts_wide(&self.spec.limits) {
            self.update(&self.spec.limits)?;
        }
        Ok(Box::new(started))
    }

    fn set_limits(&mut self, limits: &Limits) -> Result<(), PlaceError> {
        let spec = Spec {
            limits: *limits,
            ..self.spec.clone()
        };
        check(&spec, self.engine.processors())?;
        if self.is_made {
            self.update(limits)?;
        }
        self.spec = spec;
        Ok(())
    }

    fn limits(&self) -> Result<Limits, PlaceError> {
        let group = self.counting.as_ref().map(|it| &it.group);
        let group = group.filter(|it| it.directory().is_dir());
        let quota = group.map(ProcessGroup::quota);
        Ok(Limits {
            bandwidth: quota.map_or(self.spec.limits.bandwidth, |quota| {
                quota.as_ref().map(GroupQuota::bandwidth)
            }),
            weight: self.spec.limits.weight.or(Some(USUAL_WEIGHT)),
        })
    }

    fn counters(&self) -> Result<Option<Counters>, PlaceError> {
        match &self.counting {
            Some(counting) => Ok(Some(counting.look())),
            None if self.is_made => self.engine_counters(),
            None => Ok(Some(Counters::default())),
        }
    }

    fn kill(&mut self) -> Result<(), PlaceError> {
        // With its program a container ends as a whole; another program needs a new one.
        self.end()
            .map_err(|error| self.failed("ending the container", error))
    }

    fn remove(mut self: Box<Self>) -> Result<(), PlaceError> {
        self.end()
            .map_err(|error| self.failed("removing the container", error))
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // There is nobody to tell; what is left is removed at the next start.
        let _ = self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::counters;
    use bollard::models::{ContainerCpuStats, ContainerCpuUsage, ContainerThrottlingData};
    use millicore_quota::Counters;
    use std::time::Duration;

    fn stats(used_ns: u64) -> ContainerCpuStats {
        ContainerCpuStats {
            cpu_usage: Some(ContainerCpuUsage {
                total_usage: Some(used_ns),
                ..ContainerCpuUsage::default()
            }),
            throttling_data: Some(ContainerThrottlingData {
                periods: Some(5),
                throttled_periods: Some(3),
                throttled_time: Some(2_000_000),
            }),
            ..ContainerCpuStats::default()
        }
    }

    #[test]
    fn the_numbers_of_an_engine_are_nanoseconds() {
        let expected = Counters {
            cpu: Duration::from_micros(1500),
            periods: 5,
            throttled_periods: 3,
            throttled: Duration::from_millis(2),
        };
        assert_eq!(counters(stats(1_500_000)), Some(expected));
        // One that has ended.
        assert_eq!(counters(stats(0)), None);
        assert_eq!(counters(ContainerCpuStats::default()), None);
    }
}
