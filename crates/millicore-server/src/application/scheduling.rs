//! What a client may say of its request to the policy, where it is trusted with it.

use super::parameters::{BadParameter, Parameters, number};
use ::http::HeaderMap;
use millicore::Request;
use std::time::Duration;

/// What a client says of its request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Scheduling {
    pub(super) priority: i32,
    deadline: Option<Duration>,
    pub(super) tenant: Option<Box<str>>,
}

/// A day: who can wait longer has no deadline.
const LONGEST_DEADLINE_MS: u64 = 86_400_000;

const MAX_TENANT_LENGTH: usize = 64;

impl Scheduling {
    /// What the parameters say, or else the fields of the same names.
    pub(super) fn of(parameters: &Parameters, headers: &HeaderMap) -> Result<Self, BadParameter> {
        let said = |parameter, field| match parameters.text(parameter)? {
            Some(value) => Ok(Some(value)),
            None => field_text(headers, field),
        };
        let priority = said("priority", "x-priority")?
            .map(|value| number("priority", value, &(i32::MIN..=i32::MAX)))
            .transpose()?;
        let deadline_ms = said("deadline_ms", "x-deadline-ms")?
            .map(|value| number("deadline_ms", value, &(1..=LONGEST_DEADLINE_MS)))
            .transpose()?;
        let tenant = said("tenant", "x-tenant")?.map(tenant).transpose()?;
        Ok(Self {
            priority: priority.unwrap_or(0),
            deadline: deadline_ms.map(Duration::from_millis),
            tenant,
        })
    }

    pub(super) fn describe(&self, request: Request) -> Request {
        let mut request = request.priority(self.priority);
        if let Some(deadline) = self.deadline {
            request = request.deadline(deadline);
        }
        match &self.tenant {
            Some(tenant) => request.tenant(tenant.clone()),
            None => request,
        }
    }
}

fn field_text<'a>(
    headers: &'a HeaderMap,
    name: &'static str,
) -> Result<Option<&'a str>, BadParameter> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(BadParameter::Twice { name });
    }
    let text = value.to_str().map_err(|_| BadParameter::NotText { name })?;
    Ok(Some(text.trim()))
}

fn tenant(name: &str) -> Result<Box<str>, BadParameter> {
    let is_name = (1..=MAX_TENANT_LENGTH).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_graphic());
    is_name
        .then(|| name.into())
        .ok_or(BadParameter::NotText { name: "tenant" })
}
