//! Workloads as CSV: `id,arrival_ns,size_ns` and what else a request may carry.
//!
//! Columns are found by name and may stand in any order, as may rows; an empty field is its
//! default. A field may stand in quotes, but not run over a line. Every refusal says the line and
//! the field.

mod quotes;

use super::{Request, WEIGHTS, Workload, excerpt};
use std::collections::HashMap;
use std::io::{Error, ErrorKind, Read, Write};
use std::num::NonZeroU32;

/// A column of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Id,
    ArrivalNs,
    SizeNs,
    Priority,
    Weight,
    MaxCores,
    DeadlineNs,
    Tenant,
    CancelNs,
}

const COLUMNS: [(Column, &str); 9] = [
    (Column::Id, "id"),
    (Column::ArrivalNs, "arrival_ns"),
    (Column::SizeNs, "size_ns"),
    (Column::Priority, "priority"),
    (Column::Weight, "weight"),
    (Column::MaxCores, "max_cores"),
    (Column::DeadlineNs, "deadline_ns"),
    (Column::Tenant, "tenant"),
    (Column::CancelNs, "cancel_ns"),
];

const REQUIRED: [Column; 3] = [Column::Id, Column::ArrivalNs, Column::SizeNs];

const WHOLE_NUMBER: &str = "a whole number from 0 to 18446744073709551615";
const POSITIVE_NUMBER: &str = "a whole number from 1 to 18446744073709551615";
const PRIORITY: &str = "a whole number from -2147483648 to 2147483647";
const WEIGHT: &str = "a whole number from 1 to 10000";
const CORES: &str = "a whole number from 1 to 4294967295";

/// Reads a workload.
///
/// # Errors
///
/// Says what is wrong and where; an input that cannot be read is an error too.
pub fn read_csv(mut input: impl Read) -> Result<Workload, CsvError> {
    let mut bytes = Vec::new();
    input.read_to_end(&mut bytes).map_err(CsvError::Read)?;
    quotes::check(&bytes)?;
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(&bytes[..]);
    let mut lines = Lines {
        bytes: &bytes,
        offset: 0,
        line: 1,
    };
    let mut record = csv::ByteRecord::new();
    let Some(line) = lines.read_record(&mut reader, &mut record)? else {
        return Err(CsvError::NoHeader);
    };
    let mut rows = Rows {
        columns: read_header(line, &record)?,
        lines_by_id: HashMap::new(),
        workload: Workload::default(),
    };
    while let Some(line) = lines.read_record(&mut reader, &mut record)? {
        rows.add(line, &record)?;
    }
    Ok(rows.workload)
}

/// Counts lines. The reader's own count takes the empty lines before a record for the record.
struct Lines<'a> {
    bytes: &'a [u8],
    offset: usize,
    line: u64,
}

impl Lines<'_> {
    /// Reads the next record, and says in which line it begins.
    fn read_record(
        &mut self,
        reader: &mut csv::Reader<&[u8]>,
        record: &mut csv::ByteRecord,
    ) -> Result<Option<u64>, CsvError> {
        let is_there = reader
            .read_byte_record(record)
            .map_err(|error| CsvError::Malformed {
                line: self.line,
                reason: error.to_string(),
            })?;
        let begin = record.position().map_or(0, csv::Position::byte);
        let begin = usize::try_from(begin).unwrap_or(usize::MAX);
        while let Some(&byte) = self.bytes.get(self.offset)
            && (self.offset < begin || byte == b'\n' || byte == b'\r')
        {
            self.line += u64::from(byte == b'\n');
            self.offset += 1;
        }
        Ok(is_there.then_some(self.line))
    }
}

fn read_header(line: u64, record: &csv::ByteRecord) -> Result<Vec<Column>, CsvError> {
    let mut columns = Vec::new();
    for (number, name) in (1..).zip(record) {
        let name = String::from_utf8_lossy(name);
        let known = COLUMNS.iter().find(|(_, known)| *known == name);
        let Some(&(column, _)) = known else {
            let known = COLUMNS.map(|(_, known)| known).join(", ");
            let name = name.into_owned();
            return Err(CsvError::UnknownColumn {
                line,
                number,
                name,
                known,
            });
        };
        if columns.contains(&column) {
            return Err(CsvError::TwiceTheColumn {
                line,
                number,
                name: name.into_owned(),
            });
        }
        columns.push(column);
    }
    match REQUIRED
        .into_iter()
        .find(|required| !columns.contains(required))
    {
        Some(missing) => Err(CsvError::MissingColumn {
            line,
            name: name_of(missing),
        }),
        None => Ok(columns),
    }
}

fn name_of(column: Column) -> &'static str {
    COLUMNS
        .iter()
        .find(|(known, _)| *known == column)
        .map_or("", |(_, name)| name)
}

struct Rows {
    columns: Vec<Column>,
    lines_by_id: HashMap<u64, u64>,
    workload: Workload,
}

impl Rows {
    fn add(&mut self, line: u64, record: &csv::ByteRecord) -> Result<(), CsvError> {
        if record.len() != self.columns.len() {
            let (expected, found) = (self.columns.len(), record.len());
            return Err(CsvError::FieldCount {
                line,
                expected,
                found,
            });
        }
        let mut request = Request::new(0, 0, 0);
        for (number, (&column, field)) in (1..).zip(self.columns.iter().zip(record)) {
            let read = read_field(&mut request, &mut self.workload, column, field);
            read.map_err(|expected| CsvError::Field {
                line,
                number,
                name: name_of(column),
                found: String::from_utf8_lossy(field).into_owned(),
                expected,
            })?;
        }
        if let Some(first_line) = self.lines_by_id.insert(request.id, line) {
            let number = 1 + self
                .columns
                .iter()
                .take_while(|column| **column != Column::Id)
                .count();
            return Err(CsvError::TwiceTheId {
                line,
                number,
                id: request.id,
                first_line,
            });
        }
        self.workload.requests.push(request);
        Ok(())
    }
}

/// Puts a field into a request, or says what it should have been.
fn read_field(
    request: &mut Request,
    workload: &mut Workload,
    column: Column,
    field: &[u8],
) -> Result<(), &'static str> {
    let text = std::str::from_utf8(field).map_err(|_| "text in UTF-8")?;
    if text.is_empty() && !REQUIRED.contains(&column) {
        return Ok(());
    }
    match column {
        Column::Id => request.id = number(text, WHOLE_NUMBER)?,
        Column::ArrivalNs => request.arrival_ns = number(text, WHOLE_NUMBER)?,
        Column::SizeNs => {
            request.size_ns = number(text, POSITIVE_NUMBER)?;
            if request.size_ns == 0 {
                return Err(POSITIVE_NUMBER);
            }
        }
        Column::Priority => request.priority = text.parse().map_err(|_| PRIORITY)?,
        Column::Weight => {
            request.weight = number(text, WEIGHT)?;
            if !WEIGHTS.contains(&request.weight) {
                return Err(WEIGHT);
            }
        }
        Column::MaxCores => request.max_cores = Some(number::<NonZeroU32>(text, CORES)?),
        Column::DeadlineNs => request.deadline_ns = Some(number(text, WHOLE_NUMBER)?),
        Column::Tenant => request.tenant = workload.tenant(text),
        Column::CancelNs => request.cancel_ns = Some(number(text, WHOLE_NUMBER)?),
    }
    Ok(())
}

/// Digits alone: a sign in front is not how this file writes numbers.
fn number<T: std::str::FromStr>(text: &str, expected: &'static str) -> Result<T, &'static str> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or(expected)
}

/// Writes a workload. Columns that no request uses are left out.
///
/// # Errors
///
/// Passes on what the output answers, and refuses a tenant whose name would run over a line.
pub fn write_csv(workload: &Workload, output: impl Write) -> Result<(), Error> {
    if let Some(name) = workload.tenants.iter().find(|it| it.contains(['\n', '\r'])) {
        let problem = format!("tenant `{}`: a name stays in one line", excerpt(name));
        return Err(Error::new(ErrorKind::InvalidInput, problem));
    }
    let plain = Request::new(0, 0, 0);
    let is_used = |column: Column| {
        let mut requests = workload.requests.iter();
        REQUIRED.contains(&column)
            || requests
                .any(|it| field_of(workload, it, column) != field_of(workload, &plain, column))
    };
    let columns: Vec<Column> = COLUMNS
        .iter()
        .map(|&(column, _)| column)
        .filter(|&column| is_used(column))
        .collect();
    let mut writer = csv::Writer::from_writer(output);
    writer.write_record(columns.iter().map(|&column| name_of(column)))?;
    for request in &workload.requests {
        writer.write_record(
            columns
                .iter()
                .map(|&column| field_of(workload, request, column)),
        )?;
    }
    writer.flush()
}

fn field_of(workload: &Workload, request: &Request, column: Column) -> String {
    let optional = |number: Option<u64>| number.map_or_else(String::new, |it| it.to_string());
    match column {
        Column::Id => request.id.to_string(),
        Column::ArrivalNs => request.arrival_ns.to_string(),
        Column::SizeNs => request.size_ns.to_string(),
        Column::Priority => request.priority.to_string(),
        Column::Weight => request.weight.to_string(),
        Column::MaxCores => optional(request.max_cores.map(|cores| cores.get().into())),
        Column::DeadlineNs => optional(request.deadline_ns),
        Column::Tenant => workload
            .tenants
            .get(request.tenant as usize)
            .cloned()
            .unwrap_or_default(),
        Column::CancelNs => optional(request.cancel_ns),
    }
}

/// What is wrong with a file, and where. Lines and fields count from 1.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CsvError {
    /// There is nothing in it.
    #[error("line 1: the file is empty; it begins with the header id,arrival_ns,size_ns")]
    NoHeader,
    /// The header names a column that does not exist.
    #[error(
        "line {line}, field {number}: unknown column `{}`; the columns are {known}",
        excerpt(.name)
    )]
    UnknownColumn {
        /// Where.
        line: u64,
        /// Which field.
        number: usize,
        /// What the header says.
        name: String,
        /// What it may say.
        known: String,
    },
    /// The header names a column again.
    #[error("line {line}, field {number}: column `{name}` stands in the header twice")]
    TwiceTheColumn {
        /// Where.
        line: u64,
        /// Which field.
        number: usize,
        /// The name.
        name: String,
    },
    /// The header lacks a column.
    #[error("line {line}: the header has no column `{name}`; it needs id, arrival_ns and size_ns")]
    MissingColumn {
        /// Where.
        line: u64,
        /// The name.
        name: &'static str,
    },
    /// A row is longer or shorter than the header.
    #[error("line {line}: {found} fields, but the header has {expected}")]
    FieldCount {
        /// Where.
        line: u64,
        /// As many as the header has.
        expected: usize,
        /// As many as the row has.
        found: usize,
    },
    /// A field that cannot be what it says.
    #[error("line {line}, field {number} ({name}): `{}` is not {expected}", excerpt(.found))]
    Field {
        /// Where.
        line: u64,
        /// Which field.
        number: usize,
        /// Its column.
        name: &'static str,
        /// What it says.
        found: String,
        /// What it may say.
        expected: &'static str,
    },
    /// An id comes again.
    #[error(
        "line {line}, field {number} (id): {id} is the id of line {first_line} already; ids are unique"
    )]
    TwiceTheId {
        /// Where.
        line: u64,
        /// Which field.
        number: usize,
        /// The id.
        id: u64,
        /// Where it came first.
        first_line: u64,
    },
    /// Quotes that do not stand around a whole field.
    #[error("line {line}, field {number}: {reason}")]
    Quote {
        /// Where.
        line: u64,
        /// Which field.
        number: usize,
        /// What is wrong with them.
        reason: &'static str,
    },
    /// The input fails.
    #[error("cannot read: {0}")]
    Read(#[source] Error),
    /// The input is not CSV.
    #[error("line {line}: not CSV: {reason}")]
    Malformed {
        /// Where.
        line: u64,
        /// What the reader says.
        reason: String,
    },
}

#[cfg(test)]
mod tests;
