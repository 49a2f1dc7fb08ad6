//! How many DescribeImages a second, in process and over loopback, and how that grows with the
//! number of images.
//!
//! `cargo bench --package ami-share-sim`

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints its figures"
)]

use std::time::{Duration, Instant};

use ami_share_sim::loopback::Server;
use ami_share_sim::{Options, Scenario, Sim, Size};
use bytes::Bytes;
use http::Request;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const FOR: Duration = Duration::from_secs(2);
const CONNECTIONS: usize = 8;

fn authorization(sim: &Sim) -> String {
    let key = &sim.facts().accounts["111111111111"].access_key_id;
    format!(
        "AWS4-HMAC-SHA256 Credential={key}/20260101/us-east-1/ec2/aws4_request, \
         SignedHeaders=host, Signature=0"
    )
}

async fn in_process(sim: &Sim, body: &str) -> f64 {
    let (began, mut calls) = (Instant::now(), 0_u32);
    while began.elapsed() < FOR {
        let request = Request::builder()
            .method("POST")
            .uri("/")
            .header("authorization", authorization(sim));
        let _ = sim
            .handle(
                request
                    .body(Bytes::copy_from_slice(body.as_bytes()))
                    .unwrap(),
            )
            .await;
        calls += 1;
    }
    f64::from(calls) / began.elapsed().as_secs_f64()
}

/// One connection that asks again and again; how many answers it got.
async fn ask(address: std::net::SocketAddr, request: String) -> u32 {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (began, mut calls, mut read) = (Instant::now(), 0, Vec::new());
    while began.elapsed() < FOR {
        stream.write_all(request.as_bytes()).await.unwrap();
        read.clear();
        loop {
            stream.read_buf(&mut read).await.unwrap();
            let text = String::from_utf8_lossy(&read);
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head
                    .lines()
                    .find_map(|line| line.strip_prefix("content-length: "))
                    .unwrap();
                if body.len() >= length.parse().unwrap() {
                    break;
                }
            }
        }
        calls += 1;
    }
    calls
}

async fn over_loopback(sim: &Sim, body: &str) -> f64 {
    let server = Server::bind(sim.clone(), ([127, 0, 0, 1], 0).into())
        .await
        .unwrap();
    let address = server.address().unwrap();
    let serving = tokio::spawn(server.run());
    let request = format!(
        "POST / HTTP/1.1\r\nhost: localhost\r\nauthorization: {}\r\ncontent-length: \
         {}\r\n\r\n{body}",
        authorization(sim),
        body.len()
    );
    let began = Instant::now();
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|_| tokio::spawn(ask(address, request.clone())))
        .collect();
    let mut calls = 0;
    for client in clients {
        calls += client.await.unwrap();
    }
    serving.abort();
    f64::from(calls) / began.elapsed().as_secs_f64()
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    // `cargo test --benches` only wants to know that it compiles.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    println!("DescribeImages a second, {CONNECTIONS} connections over loopback");
    println!(
        "{:>8} {:>20} {:>12} {:>12}",
        "images", "asked for", "in process", "loopback"
    );
    for images in [10, 100, 1_000, 10_000] {
        let size = Size {
            accounts: 2,
            regions: 1,
            images,
            snapshots: 1,
        };
        let sim = Sim::new(Scenario::generate(size).unwrap(), Options::default());
        let id = &sim.facts().images["image-1"];
        let questions = [
            ("one by ID", format!("Action=DescribeImages&ImageId.1={id}")),
            (
                "one by filter",
                format!("Action=DescribeImages&Filter.1.Name=image-id&Filter.1.Value.1={id}"),
            ),
            (
                "a page of own",
                "Action=DescribeImages&Owner.1=self&MaxResults=5".to_owned(),
            ),
        ];
        for (name, body) in questions {
            let (inside, outside) = (
                in_process(&sim, &body).await,
                over_loopback(&sim, &body).await,
            );
            println!("{images:>8} {name:>20} {inside:>12.0} {outside:>12.0}");
        }
    }
}
