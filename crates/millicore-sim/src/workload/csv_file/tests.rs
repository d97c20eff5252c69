//! Reading what people write, refusing what nobody means, and reading back what is written.

use super::{read_csv, write_csv};
use crate::{Request, Workload};
use proptest::prelude::*;
use std::num::NonZeroU32;

#[track_caller]
fn check(text: &str, expected: &[Request]) {
    let workload = read_csv(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(workload.requests, expected, "{text}");
}

#[track_caller]
fn check_refused(text: &[u8], expected: &str) {
    let error = read_csv(text).expect_err(expected).to_string();
    assert_eq!(error, expected);
}

#[test]
fn columns_and_rows_come_in_any_order() {
    let one = Request::new(1, 0, 5);
    let two = Request {
        weight: 3,
        ..Request::new(2, 7, 9)
    };
    check("id,arrival_ns,size_ns\n1,0,5\n", std::slice::from_ref(&one));
    check(
        "weight,size_ns,id,arrival_ns\n3,9,2,7\n,5,1,0\n",
        &[two, one.clone()],
    );
    check(
        "id,arrival_ns,size_ns\r\n1,0,5\r\n",
        std::slice::from_ref(&one),
    );
    check(
        "\u{feff}id , arrival_ns,\"size_ns\"\n 1,0 ,\"5\"\n\n",
        &[one],
    );
    check("id,arrival_ns,size_ns\n", &[]);
}

#[test]
fn an_empty_field_is_its_default() {
    let header = "id,arrival_ns,size_ns,priority,weight,max_cores,deadline_ns,tenant,cancel_ns\n";
    check(&format!("{header}1,2,3,,,,,,\n"), &[Request::new(1, 2, 3)]);
    let all = Request {
        priority: -4,
        weight: 10_000,
        max_cores: NonZeroU32::new(5),
        deadline_ns: Some(0),
        tenant: 1,
        cancel_ns: Some(u64::MAX),
        ..Request::new(u64::MAX, 2, 3)
    };
    let row = "18446744073709551615,2,3,-4,10000,5,0,web,18446744073709551615";
    check(&format!("{header}{row}\n"), &[all]);
}

#[test]
fn a_bad_header_is_refused() {
    check_refused(
        b"",
        "line 1: the file is empty; it begins with the header id,arrival_ns,size_ns",
    );
    check_refused(
        b"id,arrival_ns,size\n",
        "line 1, field 3: unknown column `size`; the columns are id, arrival_ns, size_ns, priority, \
         weight, max_cores, deadline_ns, tenant, cancel_ns",
    );
    check_refused(
        b"id,arrival_ns,size_ns,id\n",
        "line 1, field 4: column `id` stands in the header twice",
    );
    check_refused(
        b"id,arrival_ns,size_ns\r\n\r\n1,0,x\r\n",
        "line 3, field 3 (size_ns): `x` is not a whole number from 1 to 18446744073709551615",
    );
    check_refused(
        b"id,size_ns\n1,2\n",
        "line 1: the header has no column `arrival_ns`; it needs id, arrival_ns and size_ns",
    );
}

#[test]
fn a_bad_field_is_refused_where_it_stands() {
    let field = |row: &str, expected: &str| {
        let header = "id,arrival_ns,size_ns,priority,weight,max_cores";
        let text = format!("{header}\n\n7,0,1,,,\n{row}\n");
        check_refused(text.as_bytes(), expected);
    };
    let whole = "a whole number from 0 to 18446744073709551615";
    let positive = "a whole number from 1 to 18446744073709551615";
    field(
        ",0,1,,,",
        &format!("line 4, field 1 (id): `` is not {whole}"),
    );
    field(
        "-1,0,1,,,",
        &format!("line 4, field 1 (id): `-1` is not {whole}"),
    );
    field(
        "1,+5,1,,,",
        &format!("line 4, field 2 (arrival_ns): `+5` is not {whole}"),
    );
    field(
        "1,1e3,1,,,",
        &format!("line 4, field 2 (arrival_ns): `1e3` is not {whole}"),
    );
    field(
        "1,0,0,,,",
        &format!("line 4, field 3 (size_ns): `0` is not {positive}"),
    );
    field(
        "1,0,18446744073709551616,,,",
        &format!("line 4, field 3 (size_ns): `18446744073709551616` is not {positive}"),
    );
    field(
        "1,0,1,2147483648,,",
        "line 4, field 4 (priority): `2147483648` is not \
         a whole number from -2147483648 to 2147483647",
    );
    for weight in ["0", "10001", "1.5"] {
        let expected =
            format!("line 4, field 5 (weight): `{weight}` is not a whole number from 1 to 10000");
        field(&format!("1,0,1,,{weight},"), &expected);
    }
    field(
        "1,0,1,,,0",
        "line 4, field 6 (max_cores): `0` is not a whole number from 1 to 4294967295",
    );
    field(
        "7,0,1,,,",
        "line 4, field 1 (id): 7 is the id of line 3 already; ids are unique",
    );
    field("1,0,1", "line 4: 3 fields, but the header has 6");
}

#[test]
fn quotes_stand_around_a_whole_field() {
    let header = "id,arrival_ns,size_ns,tenant\n";
    check(
        "\u{feff}\"id\",arrival_ns,size_ns,\"tenant\"\r\n\"1\",0,\"5\",\"\"\r\n",
        &[Request::new(1, 0, 5)],
    );
    let web = Request {
        tenant: 1,
        ..Request::new(1, 0, 5)
    };
    check(&format!("{header}1,0,5,\"a \"\"b\"\", c\""), &[web]);
    let refused = |rows: &str, expected: &str| {
        check_refused(format!("{header}{rows}").as_bytes(), expected);
    };
    let unclosed = "the quote that begins this field is not closed in the same line";
    refused(
        "1,0,1,\"a\n2,0,1,\n3,0,1,\n",
        &format!("line 2, field 4: {unclosed}"),
    );
    refused(
        "1,0,1,a\n\"2,0,1,b\n3,0,1,\"c\"\n",
        &format!("line 3, field 1: {unclosed}"),
    );
    refused("1,0,1,\"", &format!("line 2, field 4: {unclosed}"));
    let after = "a closing quote is followed by something other than a comma";
    refused(
        "1,0,1,\n\n2,0,\"1\"7,\n",
        &format!("line 4, field 3: {after}"),
    );
    let inside = "a quote inside a field: quotes stand around a whole field";
    refused("1,0,1,a\"b\"\n", &format!("line 2, field 4: {inside}"));
    refused("1, \"0\",1,\n", &format!("line 2, field 2: {inside}"));
}

#[test]
fn a_name_that_would_not_read_back_is_not_written() {
    let mut workload = Workload::batch(&[1]);
    workload.requests[0].tenant = workload.tenant("a\nb");
    let mut text = Vec::new();
    let error = write_csv(&workload, &mut text).unwrap_err().to_string();
    assert_eq!(error, "tenant `a\\nb`: a name stays in one line");
    assert_eq!(text, b"");
}

#[test]
fn what_a_file_says_is_repeated_escaped_and_shortened() {
    check_refused(
        b"id,arrival_ns,size_ns\n1,0,\x1b[2J\n",
        "line 2, field 3 (size_ns): `\\u{1b}[2J` is not \
         a whole number from 1 to 18446744073709551615",
    );
    let long = "x".repeat(1000);
    let shown = format!("{}…{}", "x".repeat(39), "x".repeat(20));
    check_refused(
        format!("id,{long}\n").as_bytes(),
        &format!(
            "line 1, field 2: unknown column `{shown}`; the columns are id, arrival_ns, size_ns, \
             priority, weight, max_cores, deadline_ns, tenant, cancel_ns"
        ),
    );
}

#[test]
fn text_that_is_not_utf8_is_refused() {
    check_refused(
        b"id,arrival_ns,size_ns,tenant\n1,0,1,\xff\n",
        "line 2, field 4 (tenant): `\u{fffd}` is not text in UTF-8",
    );
}

fn any_request() -> impl Strategy<Value = Request> {
    let numbers = (any::<u64>(), 1..=u64::MAX, any::<i32>(), 1..=10_000_u32);
    let optional = (
        any::<Option<u64>>(),
        any::<Option<u64>>(),
        any::<Option<NonZeroU32>>(),
    );
    (numbers, optional, 0..4_u32).prop_map(|(numbers, optional, tenant)| {
        let (arrival_ns, size_ns, priority, weight) = numbers;
        let (deadline_ns, cancel_ns, max_cores) = optional;
        Request {
            priority,
            weight,
            max_cores,
            tenant,
            deadline_ns,
            cancel_ns,
            ..Request::new(0, arrival_ns, size_ns)
        }
    })
}

proptest! {
    #[test]
    fn what_is_written_reads_back(mut requests in proptest::collection::vec(any_request(), 0..20)) {
        let mut workload = Workload::default();
        // Names that need quotes, and are known before they are used.
        let names = ["", "a,b", "say \"x\"", "\u{e9}\u{4e00}"];
        let tenants = names.map(|name| workload.tenant(name));
        for (id, request) in (0..).zip(&mut requests) {
            request.id = id * 3;
            request.tenant = tenants[request.tenant as usize];
        }
        workload.requests = requests;
        let mut text = Vec::new();
        write_csv(&workload, &mut text).unwrap();
        let again = read_csv(&text[..]).unwrap();
        let by_name = |workload: &Workload| -> Vec<(Request, String)> {
            let named = |it: &Request| workload.tenants[it.tenant as usize].clone();
            let plain = |it: &Request| Request { tenant: 0, ..it.clone() };
            workload.requests.iter().map(|it| (plain(it), named(it))).collect()
        };
        prop_assert_eq!(by_name(&again), by_name(&workload));
    }

    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read_csv(&bytes[..]);
    }

    #[test]
    fn any_rows_are_answered(rows in "[0-9,\\-\\.\"\n a]{0,80}") {
        let text = format!("id,arrival_ns,size_ns\n{rows}");
        let _ = read_csv(text.as_bytes());
    }
}
