//! Stands between a run and the simulated AWS, and answers one call itself.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// An answer that AWS does not give.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Hostile {
    /// A body without an end.
    Endless,
    /// A list of more elements than any of AWS's, each of them short.
    ManyElements,
    /// A list that goes on behind every page.
    EndlessTokens,
    /// A list that goes on where it began.
    RepeatedToken,
    /// Less body than was announced.
    CutOff,
    /// XML without its end.
    CutXml,
    /// No body.
    Empty,
    /// A page for people, as proxies show one.
    Page,
    /// An error of AWS, with the status of success.
    ErrorBody,
    /// Another address.
    Redirect,
    /// Values in values.
    Deep,
    /// Numbers and dates that are none.
    OutOfRange,
    /// AWS's own word that nothing was done.
    NotDone,
}

pub(crate) struct Fake {
    address: SocketAddr,
    server: JoinHandle<()>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// What a connection needs to know.
struct Answers {
    aws: SocketAddr,
    action: String,
    hostile: Hostile,
    pages: AtomicUsize,
}

impl Fake {
    pub(crate) async fn start(aws: SocketAddr, action: &str, hostile: Hostile) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answers = Arc::new(Answers {
            aws,
            action: action.to_owned(),
            hostile,
            pages: AtomicUsize::new(0),
        });
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let answers = Arc::clone(&answers);
                // A client that goes away is what most of these answers lead to.
                tokio::spawn(async move { answers.serve(stream).await.ok() });
            }
        });
        Self { address, server }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Answers {
    /// One call for each connection.
    async fn serve(&self, mut client: TcpStream) -> std::io::Result<()> {
        let request = read_request(&mut client).await?;
        let text = String::from_utf8_lossy(&request);
        if text.contains(&format!("Action={}&", self.action)) || text.contains(&self.action) {
            return self.answer(&mut client).await;
        }
        let mut aws = TcpStream::connect(self.aws).await?;
        let once = text.replacen("\r\n", "\r\nconnection: close\r\n", 1);
        aws.write_all(once.as_bytes()).await?;
        copy(&mut aws, &mut client).await?;
        client.shutdown().await
    }

    async fn answer(&self, client: &mut TcpStream) -> std::io::Result<()> {
        let page = self.pages.fetch_add(1, Ordering::Relaxed);
        let images = |inside: &str| {
            format!("<DescribeImagesResponse xmlns=\"x\">{inside}</DescribeImagesResponse>")
        };
        let body = match self.hostile {
            Hostile::Endless => return send_without_end(client).await,
            Hostile::CutOff => {
                let begin = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n<Describe";
                client.write_all(begin).await?;
                return client.shutdown().await;
            }
            Hostile::Redirect => {
                let begin = b"HTTP/1.1 307 Temporary Redirect\r\nlocation: http://localhost:1/\r\n\
                              content-length: 0\r\nconnection: close\r\n\r\n";
                return client.write_all(begin).await;
            }
            Hostile::ManyElements => {
                let items = "<item/>".repeat(5_000_000);
                images(&format!("<imagesSet>{items}</imagesSet>"))
            }
            Hostile::EndlessTokens if self.action.contains("ListGrants") => {
                format!("{{\"Grants\":[],\"Truncated\":true,\"NextMarker\":\"{page}\"}}")
            }
            Hostile::EndlessTokens => images(&format!("<imagesSet/><nextToken>{page}</nextToken>")),
            Hostile::RepeatedToken => images("<imagesSet/><nextToken>same</nextToken>"),
            Hostile::CutXml => "<DescribeImagesResponse><imagesSet><item>".to_owned(),
            Hostile::Empty => String::new(),
            Hostile::Page => "<html><body>Please log in</body></html>".to_owned(),
            Hostile::ErrorBody => {
                "<Response><Errors><Error><Code>Odd</Code></Error></Errors></Response>".to_owned()
            }
            Hostile::Deep if self.action.contains("Trent") => {
                format!("{{\"Policy\":{}", "[".repeat(200_000))
            }
            Hostile::Deep => images(&"<imagesSet><item>".repeat(40_000)),
            Hostile::OutOfRange => images(
                "<imagesSet><item><imageId>ami-1a2b3c4d</imageId><blockDeviceMapping><item><ebs>\
                 <volumeSize>99999999999999999999</volumeSize></ebs></item></blockDeviceMapping>\
                 </item></imagesSet>",
            ),
            Hostile::NotDone => "<ModifyImageAttributeResponse><return>false</return>\
                                 </ModifyImageAttributeResponse>"
                .to_owned(),
        };
        let length = body.len();
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
        client.write_all(head.as_bytes()).await?;
        client.write_all(body.as_bytes()).await?;
        client.shutdown().await
    }
}

async fn send_without_end(client: &mut TcpStream) -> std::io::Result<()> {
    let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    client.write_all(head).await?;
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    loop {
        client.write_all(chunk.as_bytes()).await?;
    }
}

/// A request with as much body as it announces.
async fn read_request(client: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut request = Vec::new();
    loop {
        if let Some(end) = request.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&request[..end]).to_lowercase();
            let length = head
                .split("content-length: ")
                .nth(1)
                .and_then(|rest| rest.lines().next()?.trim().parse().ok())
                .unwrap_or(0);
            if request.len() >= end + 4 + length {
                return Ok(request);
            }
        }
        if client.read_buf(&mut request).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
}
