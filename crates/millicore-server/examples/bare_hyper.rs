//! The least that hyper on tokio can serve: what the servers of this crate are measured against.
//!
//! `cargo run --release -p millicore-server --example bare_hyper -- 127.0.0.1:8000 2`, the last being
//! the number of threads. It answers every request with `ok`.

#![expect(clippy::print_stderr, reason = "it says where it listens")]

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use std::convert::Infallible;
use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpStream};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let bind = arguments.next();
    let bind: SocketAddr = bind.as_deref().unwrap_or("127.0.0.1:8000").parse()?;
    let threads: usize = arguments.next().as_deref().unwrap_or("2").parse()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(bind).await?;
        eprintln!("listening on http://{}", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(serve(stream));
        }
    })
}

async fn serve(stream: TcpStream) {
    let builder = auto::Builder::new(TokioExecutor::new());
    let answered = builder.serve_connection(TokioIo::new(stream), service_fn(answer));
    // A client that leaves is no matter.
    let _ = answered.await;
}

async fn answer(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::new(Bytes::from_static(b"ok\n")));
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    Ok(response)
}
