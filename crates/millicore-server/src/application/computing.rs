//! The endpoints that compute, each divided into chunks.

use super::answer::{Refused, Stamp, Start, json, with_type};
use super::parameters::{BadParameter, number};
use super::waiting::LONGEST_MS;
use super::work::{Call, Size};
use crate::observe::Spent;
use ::http::{HeaderValue, Response, StatusCode};
use axum::body::Body;
use axum::extract::Path;
use millicore_workload::divided;
use millicore_workload::factorial::Digest;
use millicore_workload::mandelbrot::{PngError, View, write_png};
use serde::Serialize;
use std::time::Duration;

/// A minute of CPU.
const MOST_PRIMES_BELOW: u64 = 100_000_000_000;

/// A second of CPU; its last multiplication, which nothing interrupts, takes a tenth.
const MOST_FACTORIAL: u64 = 1_000_000;

/// 12 MB of picture.
const MOST_PIXELS_OF_A_SIDE: u16 = 2_048;

const MOST_ITERATIONS: u32 = 1_000_000;

/// A minute of CPU, were every point inside.
const MOST_ITERATIONS_OF_ALL: u64 = 20_000_000_000;

/// What a computation answers.
#[derive(Serialize)]
struct Computed<T> {
    #[serde(flatten)]
    result: T,
    #[serde(flatten)]
    stamp: Stamp,
    /// CPU time, of all cores together.
    cpu_s: f64,
    /// How long it waited for its first chunk.
    queue_s: f64,
}

/// `/spin?ms=`: uses so much CPU time.
pub(super) async fn spin(call: Call) -> Result<Response<Body>, Refused> {
    let start = Start::now();
    let milliseconds = call.parameters.required("ms", &(0..=LONGEST_MS))?;
    let size = Duration::from_millis(milliseconds);
    let body = move |cpu| async move { divided::spin_for(&cpu, size).await };
    let done = call
        .work("/spin".to_owned(), &Size::Known(size), body)
        .await?;
    #[derive(Serialize)]
    struct Spun {
        ms: u64,
    }
    Ok(computed(Spun { ms: milliseconds }, start, done.spent))
}

/// `/primes?below=`: counts them.
pub(super) async fn primes(call: Call) -> Result<Response<Body>, Refused> {
    let start = Start::now();
    let below = call
        .parameters
        .required("below", &(0..=MOST_PRIMES_BELOW))?;
    let guess = Duration::from_nanos(below / 2);
    let body = move |cpu| async move { divided::count_primes(&cpu, below).await };
    let done = call
        .work(class("/primes", below), &like_class(guess), body)
        .await?;
    #[derive(Serialize)]
    struct Counted {
        below: u64,
        primes: u64,
    }
    // The bound is far below that of the sieve.
    let primes = done.value.unwrap_or(0);
    Ok(computed(Counted { below, primes }, start, done.spent))
}

/// `/factorial/{n}`: multiplies, and answers what identifies the product.
pub(super) async fn factorial(
    Path(n): Path<String>,
    call: Call,
) -> Result<Response<Body>, Refused> {
    let start = Start::now();
    let n = number("n", &n, &(0..=MOST_FACTORIAL))?;
    // 80 ms at 200 000, and a little more than in proportion above.
    let guess = Duration::from_nanos(n * 400);
    let body = move |cpu: millicore::Cpu| async move {
        let product = divided::factorial_by_tree(&cpu, n).await;
        cpu.run(move || Digest::of(&product)).await
    };
    let done = call
        .work(class("/factorial", n), &like_class(guess), body)
        .await?;
    #[derive(Serialize)]
    struct Multiplied {
        n: u64,
        decimal_digits: usize,
        bits: usize,
        /// FNV-1a of its bytes, least significant first.
        fnv1a: String,
    }
    let Digest {
        decimal_digits,
        bits,
        fnv1a,
    } = done.value;
    let multiplied = Multiplied {
        n,
        decimal_digits,
        bits,
        fnv1a: format!("{fnv1a:016x}"),
    };
    Ok(computed(multiplied, start, done.spent))
}

/// `/mandelbrot.png`: draws what the parameters say, the whole set by default.
pub(super) async fn mandelbrot(call: Call) -> Result<Response<Body>, Refused> {
    let view = view(&call)?;
    let iterations = work_of(&view);
    let guess = Duration::from_nanos(iterations);
    let body = move |cpu: millicore::Cpu| {
        let view = view.clone();
        async move {
            let pixels = divided::draw_mandelbrot(&cpu, &view).await;
            cpu.run(move || encode(&view, &pixels)).await
        }
    };
    let class = class("/mandelbrot.png", iterations);
    let done = call.work(class, &like_class(guess), body).await?;
    let (status, kind, body) = match done.value {
        Ok(picture) => (StatusCode::OK, "image/png", picture.into()),
        // A picture of no more than 12 MB, in memory: it cannot fail.
        Err(error) => {
            let says = format!("the picture could not be written: {error}\n");
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                "text/plain; charset=utf-8",
                says.into(),
            )
        }
    };
    let mut response = with_type(status, HeaderValue::from_static(kind), body);
    response.extensions_mut().insert(done.spent);
    Ok(response)
}

fn view(call: &Call) -> Result<View, BadParameter> {
    let given = &call.parameters;
    let side = 1..=MOST_PIXELS_OF_A_SIDE;
    let whole = View::whole_set(640, 200);
    let view = View {
        center_re: given.number("x", &(-4.0..=4.0))?.unwrap_or(whole.center_re),
        center_im: given.number("y", &(-4.0..=4.0))?.unwrap_or(whole.center_im),
        width: whole.width / given.number("zoom", &(0.1..=1e12))?.unwrap_or(1.0),
        pixels_wide: given.number("width", &side)?.unwrap_or(whole.pixels_wide),
        pixels_high: given.number("height", &side)?.unwrap_or(whole.pixels_high),
        max_iterations: given
            .number("iterations", &(1..=MOST_ITERATIONS))?
            .unwrap_or(whole.max_iterations),
    };
    let amount = work_of(&view);
    if amount > MOST_ITERATIONS_OF_ALL {
        return Err(BadParameter::TooMuch {
            what: "width x height x iterations",
            amount,
            most: MOST_ITERATIONS_OF_ALL,
        });
    }
    Ok(view)
}

/// The most iterations that drawing could take.
fn work_of(view: &View) -> u64 {
    view.pixels() * u64::from(view.max_iterations)
}

fn encode(view: &View, pixels: &[u8]) -> Result<Vec<u8>, PngError> {
    let mut file = Vec::new();
    write_png(view, pixels, &mut file)?;
    Ok(file)
}

/// Requests of a route whose sizes are within a factor of two: `/primes 2^20`.
fn class(route: &str, amount: u64) -> String {
    format!("{route} 2^{}", amount.checked_ilog2().unwrap_or(0))
}

const fn like_class(guess: Duration) -> Size {
    Size::LikeClass(guess)
}

fn computed(result: impl Serialize, start: Start, spent: Spent) -> Response<Body> {
    let mut response = json(&Computed {
        result,
        stamp: start.stamp(),
        cpu_s: spent.cpu.as_secs_f64(),
        queue_s: spent.queue.as_secs_f64(),
    });
    response.extensions_mut().insert(spent);
    response
}
