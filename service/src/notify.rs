//! The way to systemd: datagrams to `$NOTIFY_SOCKET`, as in sd_notify(3).

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use log::{error, warn};
use worker_state::{Environment, environment_name as name};

use crate::supervision::Notice;

/// systemd reads at once; should it ever not, the work goes on.
const PATIENCE: Duration = Duration::from_secs(1);

/// Sends notices, where somebody listens.
#[derive(Debug, Default)]
pub(crate) struct Notifier {
    socket: Option<(UnixDatagram, SocketAddr)>,
    /// How long the listener waits for a sign of life; none: for ever.
    pub(crate) watchdog: Option<Duration>,
}

impl Notifier {
    /// The listener that the environment names, or none. A watchdog that watches another process
    /// is none of ours.
    pub(crate) fn of(environment: &Environment) -> Self {
        let Some(place) = environment.value(name::NOTIFY_SOCKET) else { return Self::default() };
        let socket = open(place).map_err(|failure| error!("{}: {failure}", name::NOTIFY_SOCKET));
        let number = |name: &str| environment.value(name)?.parse::<u64>().ok();
        let ours = environment.value(name::WATCHDOG_PID).is_none()
            || number(name::WATCHDOG_PID) == Some(u64::from(std::process::id()));
        let watchdog = number(name::WATCHDOG_USEC).filter(|limit| ours && *limit > 0);
        Self { socket: socket.ok(), watchdog: watchdog.map(Duration::from_micros) }
    }

    /// Whether a supervisor listens, which also starts the process again.
    pub(crate) fn is_heard(&self) -> bool {
        self.socket.is_some()
    }

    /// Tells it, if somebody listens.
    pub(crate) fn tell(&self, notice: &Notice) {
        let Some((socket, place)) = &self.socket else { return };
        if let Err(failure) = socket.send_to_addr(notice.to_string().as_bytes(), place) {
            warn!("systemd cannot be told {notice}: {failure}");
        }
    }

    /// Tells why there is nothing to do. The process may end then: one that ends without being
    /// ready has failed.
    pub(crate) fn tell_idle(&self, why: &str) {
        self.tell(&Notice::Status(why.into()));
        self.tell(&Notice::Ready);
    }
}

/// A path, or with `@` in front an abstract name (unix(7)).
fn open(place: &str) -> io::Result<(UnixDatagram, SocketAddr)> {
    let address = match place.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(place)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(PATIENCE))?;
    Ok((socket, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        Environment::of(pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())))
    }

    fn heard(listener: &UnixDatagram) -> String {
        let mut buffer = [0; 100];
        let length = listener.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    #[test]
    fn notices_go_to_the_named_socket() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let listener = UnixDatagram::bind(&path).unwrap();
        let notifier = Notifier::of(&environment(&[("NOTIFY_SOCKET", path.to_str().unwrap())]));
        notifier.tell_idle("nothing to do");
        assert_eq!([heard(&listener), heard(&listener)], ["STATUS=nothing to do", "READY=1"]);
        drop(listener);
        notifier.tell(&Notice::Alive);
    }

    #[test]
    fn the_socket_may_have_an_abstract_name() {
        let name = format!("akvvm-notify-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let listener = UnixDatagram::bind_addr(&address).unwrap();
        let notifier = Notifier::of(&environment(&[("NOTIFY_SOCKET", &format!("@{name}"))]));
        notifier.tell(&Notice::Stopping);
        assert_eq!(heard(&listener), "STOPPING=1");
    }

    #[test]
    fn a_watchdog_counts_where_it_watches_this_process() {
        let own = std::process::id().to_string();
        let watched = |pairs: &[(&str, &str)]| {
            let all = [pairs, &[("NOTIFY_SOCKET", "/nonexistent")]].concat();
            Notifier::of(&environment(&all)).watchdog
        };
        let minute = Some(Duration::from_secs(60));
        assert_eq!(watched(&[("WATCHDOG_USEC", "60000000")]), minute);
        assert_eq!(watched(&[("WATCHDOG_USEC", "60000000"), ("WATCHDOG_PID", &own)]), minute);
        assert_eq!(watched(&[("WATCHDOG_USEC", "60000000"), ("WATCHDOG_PID", "1")]), None);
        assert_eq!(watched(&[("WATCHDOG_USEC", "soon")]), None);
        assert_eq!(watched(&[]), None);
    }

    #[test]
    fn without_a_listener_nothing_is_told() {
        let notifier = Notifier::of(&environment(&[]));
        assert!(notifier.socket.is_none());
        notifier.tell(&Notice::Ready);
    }
}
