//! A few lines of HTTP (RFC 9112) on a loopback port: `/metrics` and `/healthz`. One request at a
//! time, a bounded head, no keep-alive: it answers a scraper every few seconds.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use crate::clock::{self, Clock};

/// A loop that is so late with its next pass is not healthy.
pub(super) const LATE: Duration = Duration::from_secs(600);
/// A client may take so long, for everything.
const PATIENCE: Duration = Duration::from_secs(2);
/// No request for us has a longer head.
const LONGEST_HEAD: usize = 8 * 1024;

/// What is served at the moment.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// The metrics.
    pub(crate) metrics: String,
    /// When the worker's loop says that it is late, should it not publish before.
    pub(crate) good_until: Option<SystemTime>,
}

/// Listens until it is dropped.
pub(super) struct Server {
    listening: Vec<(SocketAddr, JoinHandle<()>)>,
    stop: Arc<AtomicBool>,
}

impl Server {
    /// Listens at all `addresses` that can be had, and there is at least one.
    ///
    /// # Errors
    /// Where none can be had.
    pub(super) fn start(addresses: &[SocketAddr], page: Arc<Mutex<Page>>) -> io::Result<Self> {
        let mut server = Self { listening: Vec::new(), stop: Arc::default() };
        let mut refusal = None;
        for address in addresses {
            match TcpListener::bind(address) {
                Ok(listener) => {
                    let address = listener.local_addr()?;
                    let (page, stop) = (Arc::clone(&page), Arc::clone(&server.stop));
                    let thread = std::thread::Builder::new()
                        .name("metrics".into())
                        .stack_size(128 * 1024)
                        .spawn(move || serve(&listener, &page, &stop))?;
                    server.listening.push((address, thread));
                }
                Err(error) => refusal = Some(error),
            }
        }
        match (server.listening.is_empty(), refusal) {
            (true, Some(refusal)) => Err(refusal),
            _ => Ok(server),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        for (address, thread) in self.listening.drain(..) {
            // Wakes the thread, which sees that it is over. The port is free when it has ended:
            // other settings may name the same one again.
            if TcpStream::connect_timeout(&address, PATIENCE).is_ok() {
                let _ = thread.join();
            }
        }
    }
}

fn serve(listener: &TcpListener, page: &Mutex<Page>, stop: &AtomicBool) {
    while let Ok((stream, _)) = listener.accept() {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let _ = answer(stream, page); // a client that goes away is no trouble of ours
    }
}

/// A client, for as long as there is patience with it: one that sends a byte now and then must
/// not keep everybody else waiting, nor the worker that is about to stop listening.
struct Client {
    stream: TcpStream,
    clock: Clock,
}

impl Client {
    fn left(&self) -> io::Result<Option<Duration>> {
        let left = PATIENCE.saturating_sub(self.clock.now().steady);
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(Some(left)) }
    }
}

impl Read for Client {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(self.left()?)?;
        self.stream.read(buffer)
    }
}

impl Write for Client {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(self.left()?)?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

fn answer(stream: TcpStream, page: &Mutex<Page>) -> io::Result<()> {
    let mut stream = Client { stream, clock: Clock::start() };
    let head = head(&mut stream)?;
    let (status, kind, body) = {
        let page = page.lock().unwrap_or_else(PoisonError::into_inner);
        respond(&head, &page, clock::wall())
    };
    let length = body.len();
    let body = if head.starts_with("HEAD ") { String::new() } else { body };
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    );
    stream.write_all(answer.as_bytes())?;
    stream.stream.shutdown(Shutdown::Write)
}

fn head(stream: &mut impl Read) -> io::Result<String> {
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") && head.len() < LONGEST_HEAD {
        match stream.read(&mut buffer)? {
            0 => break,
            read => head.extend_from_slice(&buffer[..read]),
        }
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";
const PLAIN: &str = "text/plain; charset=utf-8";

fn respond(head: &str, page: &Page, now: SystemTime) -> (&'static str, &'static str, String) {
    let mut words = head.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if !matches!(method, "GET" | "HEAD") {
        return ("405 Method Not Allowed", PLAIN, "only GET\n".into());
    }
    match target.split('?').next().unwrap_or_default() {
        "/metrics" => ("200 OK", PROMETHEUS, page.metrics.clone()),
        "/healthz" if page.good_until.is_some_and(|until| now <= until) => {
            ("200 OK", PLAIN, "ok\n".into())
        }
        "/healthz" => ("503 Service Unavailable", PLAIN, "no pass when one was due\n".into()),
        _ => ("404 Not Found", PLAIN, "/metrics or /healthz\n".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> Page {
        let good_until = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(100));
        Page { metrics: "akvvm_info 1\n".into(), good_until }
    }

    fn ask(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn a_scraper_gets_the_metrics_and_everybody_else_a_clear_answer() {
        let local = "127.0.0.1:0".parse().unwrap();
        let server = Server::start(&[local], Arc::new(Mutex::new(page()))).unwrap();
        let address = server.listening[0].0;
        let scraped = ask(address, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        assert!(scraped.starts_with("HTTP/1.1 200 OK\r\n") && scraped.contains("version=0.0.4"));
        assert!(scraped.ends_with("\r\n\r\nakvvm_info 1\n"), "{scraped}");
        assert!(ask(address, "GET / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404"));
        assert!(ask(address, "POST /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405"));
        let long = format!("GET /{} HTTP/1.1\r\n", "x".repeat(2 * LONGEST_HEAD));
        assert!(ask(address, &long).starts_with("HTTP/1.1 404"));
    }

    #[test]
    fn the_port_is_free_as_soon_as_the_server_is_gone_whatever_a_client_does() {
        let server = Server::start(&["127.0.0.1:0".parse().unwrap()], Arc::default()).unwrap();
        let address = server.listening[0].0;
        let mut slow = TcpStream::connect(address).unwrap();
        slow.write_all(b"GET /metr").unwrap();
        drop(server);
        assert!(Server::start(&[address], Arc::default()).is_ok());
    }

    #[test]
    fn health_is_a_loop_that_is_not_late() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let status = |page: &Page, now| respond("GET /healthz HTTP/1.1", page, now).0;
        assert_eq!(status(&page(), at(99)), "200 OK");
        assert_eq!(status(&page(), at(101)), "503 Service Unavailable");
        assert_eq!(status(&Page::default(), at(0)), "503 Service Unavailable");
    }

    #[test]
    fn a_port_that_is_taken_is_an_error() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        assert!(Server::start(&[address], Arc::default()).is_err());
    }
}
