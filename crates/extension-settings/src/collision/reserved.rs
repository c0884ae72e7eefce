//! Places where a file is an instruction to the machine: what it runs, who may log in, what is
//! permitted. An output there would be a way past what the administrator permits
//! (`AKVVM_REACTIONS`), for a `raw` one can hold anything. A fence, not a wall: a program may take
//! instructions from files anywhere.

use std::path::{Component, Path};

use super::entries::{Located, store};
use crate::outputs::Output;
use crate::remark::Remarks;
use crate::store::StoreLocation;

/// What stands in these or below them is reserved (`hier(7)`, `file-hierarchy(7)`,
/// `systemd.unit(5)`, `cron(8)`, `pam(8)`, `sudoers(5)`, `ld.so(8)`, `dbus-daemon(1)`,
/// `dhclient-script(8)`, `interfaces(5)`, `sshd_config(5)`), and what the extension itself
/// believes.
const TREES: [&str; 59] = [
    "/bin",
    "/boot",
    "/dev",
    "/etc/akvvm",
    "/etc/apt",
    "/etc/bash_completion.d",
    "/etc/binfmt.d",
    "/etc/dbus-1",
    "/etc/default",
    "/etc/dhcp",
    "/etc/dracut.conf.d",
    "/etc/environment.d",
    "/etc/init.d",
    "/etc/initramfs-tools",
    "/etc/ld.so.conf.d",
    "/etc/logrotate.d",
    "/etc/modprobe.d",
    "/etc/modules-load.d",
    "/etc/network",
    "/etc/pam.d",
    "/etc/polkit-1",
    "/etc/profile.d",
    "/etc/security",
    "/etc/ssh/sshd_config.d",
    "/etc/sudoers.d",
    "/etc/sysconfig",
    "/etc/sysctl.d",
    "/etc/systemd",
    "/etc/sysusers.d",
    "/etc/tmpfiles.d",
    "/etc/udev",
    "/etc/yum.repos.d",
    "/lib",
    "/lib32",
    "/lib64",
    "/proc",
    "/run/akvvm",
    "/run/modprobe.d",
    "/run/systemd",
    "/run/tmpfiles.d",
    "/run/udev",
    "/sbin",
    "/sys",
    "/usr/bin",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/libexec",
    "/usr/local/bin",
    "/usr/local/lib",
    "/usr/local/sbin",
    "/usr/local/share/dbus-1",
    "/usr/sbin",
    "/usr/share/bash-completion",
    "/usr/share/dbus-1",
    "/usr/share/polkit-1",
    "/var/lib/akvvm",
    "/var/spool/at",
    "/var/spool/cron",
];

/// Where the guest agent has its extensions, and their programs; the default store is there too.
const AGENT: &str = "/var/lib/waagent";

/// Homes, in which hidden files are read by shells and more.
const HOMES: [&str; 2] = ["/home", "/root"];

/// Reports outputs at reserved places, and stores there that are given any secret.
pub(super) fn refuse(certificates: &[Located], remarks: &mut Remarks) {
    for (entry, certificate) in certificates {
        for (index, output) in certificate.outputs.iter().enumerate() {
            let is_file = matches!(output, Output::File { .. });
            if let Some(reserved) = reserved(output.path(), is_file) {
                let text = format!(
                    "{} would be in {reserved}, where files tell the machine what to do: choose \
                     another path, /etc/nginx/tls/site.pem for example",
                    output.path().display()
                );
                remarks.problem(format!("{entry}.outputs[{index}]"), text);
            }
        }
        if let Some(reserved) = reserved(&store(certificate).join(&certificate.link_name), true)
            .filter(|_| certificate.accepts_any_secret())
        {
            let text = format!(
                "an entry that takes any secret (all its outputs are raw) has its store in \
                 {reserved}, where files tell the machine what to do: choose another \
                 certificateStoreLocation"
            );
            remarks.problem(entry, text);
        }
    }
}

/// The reserved place that a path is in.
fn reserved(path: &Path, is_file: bool) -> Option<String> {
    // A link to /run on every system of today.
    let same = path.strip_prefix("/var/run").map(|rest| Path::new("/run").join(rest));
    let path = same.as_deref().unwrap_or(path);
    if let Some(tree) = TREES.into_iter().find(|tree| path.starts_with(tree)) {
        return Some(tree.to_owned());
    }
    let hidden = |part: Component<'_>| part.as_os_str().as_encoded_bytes().starts_with(b".");
    if HOMES.iter().any(|home| path.starts_with(home)) && path.components().any(hidden) {
        return Some("a hidden place of a home directory".to_owned());
    }
    if path.components().any(|part| part.as_os_str() == ".ssh") {
        return Some(".ssh".to_owned());
    }
    if path.starts_with(AGENT) && !in_default_store(path) {
        return Some(AGENT.to_owned());
    }
    let below = path.strip_prefix("/etc").ok()?;
    let first = below.components().next()?.as_os_str().to_str()?;
    if first.starts_with("cron") || first.starts_with("rc") && first.ends_with(".d") {
        return Some(format!("/etc/{first}"));
    }
    (is_file && below.components().count() == 1).then(|| "/etc itself".to_owned())
}

fn in_default_store(path: &Path) -> bool {
    let StoreLocation::Directory { path: store, .. } = StoreLocation::default_store();
    path.starts_with(store)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_where_files_are_instructions_are_reserved() {
        for path in [
            "/etc/akvvm/environment",
            "/etc/systemd/system/web.service",
            "/var/run/systemd/system/web.service",
            "/run/systemd/system/web.service.d/a.conf",
            "/lib/systemd/system/a.service",
            "/etc/cron.d/a",
            "/etc/crontab",
            "/etc/rc2.d/S99a",
            "/etc/passwd",
            "/etc/sudoers.d/a",
            "/etc/bash_completion.d/a",
            "/etc/dhcp/dhclient-exit-hooks.d/a",
            "/etc/network/interfaces.d/a",
            "/etc/ssh/sshd_config.d/a.conf",
            "/usr/share/dbus-1/system-services/a.service",
            "/root/.bashrc",
            "/root/.ssh/authorized_keys",
            "/home/anna/.profile",
            "/srv/git/.ssh/authorized_keys",
            "/var/spool/cron/crontabs/root",
            "/var/lib/akvvm/assignment.json",
            "/var/lib/waagent/Microsoft.Azure.KeyVault-1.0.0/bin/handler",
            "/proc/sys/kernel/core_pattern",
        ] {
            assert!(reserved(Path::new(path), true).is_some(), "{path}");
        }
        assert!(reserved(Path::new("/etc/sudoers.d"), false).is_some());
    }

    #[test]
    fn places_of_services_are_not() {
        for path in [
            "/etc/nginx/tls/site.pem",
            "/etc/ssl/private/site.key",
            "/etc/ssh/ssh_host_ed25519_key",
            "/etc/credstore/site",
            "/etc/systemd-like/a",
            "/etc/rclone/a",
            "/var/spool/postfix/etc/site.pem",
            "/home/anna/site.pem",
            "/opt/tomcat/conf/site.p12",
            "/run/haproxy/site.pem",
            "/srv/.hidden/a",
            "/usr/local/etc/site.pem",
            "/var/lib/postgresql/15/main/server.key",
            "/var/lib/waagent/Microsoft.Azure.KeyVault.Store/site.pem",
        ] {
            assert_eq!(reserved(Path::new(path), true), None, "{path}");
        }
        assert_eq!(reserved(Path::new("/etc/tls"), false), None, "a link to a directory");
    }
}
