//! What a package manager's output says it did, where nobody could know before.
//!
//! Lists that are fetched by the same task tell only then which packages come along. dpkg names
//! each as it unpacks or removes it. dnf shows its table before it acts, so that it need not be
//! asked first where nobody wants to know before.

use crate::effect::{Applied, Effect, PackageChange, PackageStep};
use crate::module::dnf::Transaction;

/// The effect with what really happened, where it was left open.
pub(crate) fn settled(effect: &Effect, applied: &Applied) -> Option<Effect> {
    let (Effect::Packages(change), Applied::Ran(output)) = (effect, applied) else { return None };
    let mut steps = change.install.iter().chain(&change.remove);
    if !steps.any(|step| step.to.is_none() && step.from.is_none()) {
        return None;
    }
    let text = output.stdout_text();
    let (install, remove) = match change.manager.as_str() {
        "apt" => {
            let lines = || text.lines();
            (lines().filter_map(unpacked).collect(), lines().filter_map(removed).collect())
        }
        "dnf" | "dnf5" => {
            let done = Transaction::parse(&text);
            (done.install, done.remove)
        }
        _ => return None,
    };
    Some(Effect::Packages(PackageChange { install, remove, ..change.clone() }))
}

/// `Unpacking NAME (VERSION) over (OLD) ...`
fn unpacked(line: &str) -> Option<PackageStep> {
    let (name, rest) = line.strip_prefix("Unpacking ")?.split_once(" (")?;
    let (version, rest) = rest.split_once(')')?;
    let from = rest.strip_prefix(" over (").and_then(|rest| rest.split_once(')'));
    let from = from.map(|(old, _)| old.to_owned());
    Some(PackageStep { name: plain(name), from, to: Some(version.to_owned()) })
}

/// `Removing NAME (VERSION) ...`
fn removed(line: &str) -> Option<PackageStep> {
    let (name, rest) = line.strip_prefix("Removing ")?.split_once(" (")?;
    let (version, _) = rest.split_once(") ...")?;
    Some(PackageStep { name: plain(name), from: Some(version.to_owned()), to: None })
}

/// The name without the host's own architecture, as simulations have it.
fn plain(name: &str) -> String {
    let own = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "arm" => "armhf",
        "x86" => "i386",
        "powerpc64" => "ppc64el",
        other => other,
    };
    match name.split_once(':') {
        Some((name, architecture)) if architecture == own => name.to_owned(),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::settled;
    use crate::effect::{Applied, Effect, Output, PackageChange, PackageStep};

    #[test]
    fn what_was_left_open_is_told_by_dpkg() {
        let step = |name: &str, from: Option<&str>, to: Option<&str>| PackageStep {
            name: name.to_owned(),
            from: from.map(str::to_owned),
            to: to.map(str::to_owned),
        };
        let change = |install| {
            let manager = "apt".to_owned();
            Effect::Packages(PackageChange { manager, install, ..PackageChange::default() })
        };
        let stdout = "Selecting previously unselected package sl.\n\
            Preparing to unpack .../sl_5.02-1_amd64.deb ...\nUnpacking sl (5.02-1) ...\n\
            Unpacking curl (7.88-11) over (7.88-10) ...\nUnpacking libx:armel (1) ...\n\
            Removing tree (2.1.0-1) ...\nSetting up sl (5.02-1) ...\n";
        let ran = Applied::Ran(Output { stdout: stdout.into(), ..Output::default() });
        let Some(Effect::Packages(found)) = settled(&change(vec![step("sl", None, None)]), &ran)
        else {
            panic!("it was open");
        };
        let expected = [
            step("sl", None, Some("5.02-1")),
            step("curl", Some("7.88-10"), Some("7.88-11")),
            step("libx:armel", None, Some("1")),
        ];
        assert_eq!(found.install, expected);
        assert_eq!(found.remove, [step("tree", Some("2.1.0-1"), None)]);
        let known = change(vec![step("sl", None, Some("1"))]);
        assert_eq!(settled(&known, &ran), None);
        assert_eq!(settled(&change(vec![step("sl", None, None)]), &Applied::Done), None);
        let stdout = "Installing:\n at  x86_64  3.1.23-11.el9  baseos  61 k\nRemoving:\n \
            sl x86_64 5.02-1 @baseos 1 k\nTransaction Summary\nComplete!\n";
        let ran = Applied::Ran(Output { stdout: stdout.into(), ..Output::default() });
        let open = PackageChange {
            manager: "dnf".to_owned(),
            remove: vec![step("sl", None, None)],
            ..PackageChange::default()
        };
        let Some(Effect::Packages(found)) = settled(&Effect::Packages(open), &ran) else {
            panic!("it was open");
        };
        assert_eq!(found.install, [step("at", None, Some("3.1.23-11.el9"))]);
        assert_eq!(found.remove, [step("sl", Some("5.02-1"), None)]);
    }
}
