//! For other processes: an HTTP server.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use crate::sim::{Handled, Sim};
use crate::wire;

/// No request of these services is larger.
const LARGEST: usize = 10 * 1024 * 1024;
/// A larger request is read up to this size: a client that is still writing when the connection
/// closes does not see the answer.
const MOST_READ: usize = 10 * LARGEST;

/// A server that listens, and answers once [`Server::run`].
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    sim: Sim,
}

impl Server {
    /// Listens; port 0 is any free one.
    ///
    /// # Errors
    /// If the address is not available.
    pub async fn bind(sim: Sim, address: SocketAddr) -> io::Result<Self> {
        Ok(Self {
            listener: TcpListener::bind(address).await?,
            sim,
        })
    }

    /// The address it listens on.
    ///
    /// # Errors
    /// If the system does not know it.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers until it is dropped.
    pub async fn run(self) {
        loop {
            // A connection that could not be accepted fails for its client only.
            let Ok((stream, _)) = self.listener.accept().await else {
                continue;
            };
            let sim = self.sim.clone();
            tokio::spawn(async move { serve(sim, stream).await });
        }
    }
}

async fn serve(sim: Sim, stream: TcpStream) {
    // Otherwise every answer waits for the acknowledgement of the answer before.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| answer(sim.clone(), request));
    // An error is a connection that closed, often because of an ordered fault.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// An answer, or an error on which hyper closes the connection.
async fn answer(sim: Sim, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Closed> {
    let (parts, mut body) = request.into_parts();
    let (mut bytes, mut size) = (Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        // A client that closes the connection in the middle gets no answer.
        let Ok(frame) = frame else { return Err(Closed) };
        let data = frame.into_data().unwrap_or_default();
        size += data.len();
        if size <= LARGEST {
            bytes.extend_from_slice(&data);
        } else if size > MOST_READ {
            break;
        }
    }
    if size > LARGEST {
        return Ok(wire::too_large(&parts.headers).map(Full::new));
    }
    match sim.handle(Request::from_parts(parts, bytes.into())).await {
        Handled::Answer(response) => Ok(response.map(Full::new)),
        Handled::Closed => Err(Closed),
    }
}

#[derive(Debug)]
struct Closed;

impl std::fmt::Display for Closed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("closed without an answer, as a fault asked for or the client did")
    }
}

impl std::error::Error for Closed {}

impl From<Infallible> for Closed {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}
