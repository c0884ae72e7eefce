//! In which order to switch, and how to go back. Pure.

use std::path::Path;

use extension_settings::{FileLayout, Generation};

/// One step, and what to type.
pub(super) struct Step {
    pub(super) text: String,
    pub(super) commands: Vec<String>,
}

pub(super) struct Steps {
    /// From Microsoft's extension to this one.
    pub(super) switch: Vec<Step>,
    /// From this one to Microsoft's.
    pub(super) back: Vec<Step>,
}

/// Where the new settings are, if nobody says.
const NEW: &str = "akvvm.json";

/// Where the old settings are kept.
const OLD: &str = "microsoft.json";

/// Which machine, and what the extension is called on it.
const WHERE: &str = "--resource-group GROUP --vm-name VM";

impl Steps {
    /// The steps from this generation; `output` is where the new settings were written.
    pub(super) fn new(from: Generation, output: Option<&Path>) -> Self {
        let new = output.map_or(NEW.to_owned(), |output| output.display().to_string());
        Self { switch: switch(&new), back: back(from) }
    }
}

fn step(text: impl Into<String>, commands: &[String]) -> Step {
    Step { text: text.into(), commands: commands.to_vec() }
}

fn remove() -> String {
    format!("az vm extension delete {WHERE} --name NAME")
}

fn switch(new: &str) -> Vec<Step> {
    let look = |command: &str| format!("akvvm_service {command} --settings {new}");
    vec![
        step(
            "keep what Microsoft's extension was deployed with: it is the way back",
            &[format!("az vm extension show {WHERE} --name NAME --query settings > {OLD}")],
        ),
        step(
            "look, while Microsoft's extension goes on: nothing of this changes anything. What plan \
             would install is taken over where the same stands there already",
            &["validate", "doctor", "plan"].map(look),
        ),
        step(
            "remove Microsoft's extension: links and files stay, programs go on with them, and \
             nothing is renewed until the next step. Not both at once: this extension refuses to \
             start while Microsoft's unit akvvm_service.service is there, and two writers of one \
             store would move each other's links",
            &[remove()],
        ),
        step(
            "install this extension, under the same name for what is deployed after it; it looks \
             at all certificates at once",
            &[format!(
                "az vm extension set {WHERE} --publisher PUBLISHER --name TYPE \
                 --extension-instance-name NAME --settings @{new}"
            )],
        ),
        step("see that every certificate is there", &["akvvm_service status".to_owned()]),
    ]
}

fn back(from: Generation) -> Vec<Step> {
    let finds = match (from.layout(), from) {
        (FileLayout::Split, _) => {
            "it finds links and files by the names that it gives itself, and writes its .luma anew"
        }
        (_, Generation::Three) => "it finds links and files by the names that it gives itself",
        _ => "it names its files otherwise, so it writes them anew and moves the links",
    };
    let publisher = "--publisher Microsoft.Azure.KeyVault --name KeyVaultForLinux";
    let version = from.major();
    vec![
        step("remove this extension: links and files stay", &[remove()]),
        step(
            format!(
                "install Microsoft's {from} again, as long as it is offered: {finds}. Its program \
                 is not open to read, and this was not tried with it"
            ),
            &[
                format!("az vm extension image list-versions --location LOCATION {publisher}"),
                format!(
                    "az vm extension set {WHERE} {publisher} --version {version}.0 \
                     --extension-instance-name NAME --settings @{OLD}"
                ),
            ],
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_extension_goes_before_the_new_one_comes_and_the_other_way_back() {
        for from in Generation::ALL {
            let Steps { switch, back } = Steps::new(from, Some(Path::new("/root/new.json")));
            let all: Vec<_> = switch.iter().chain(&back).flat_map(|one| &one.commands).collect();
            let of_agent: Vec<_> =
                all.iter().filter(|one| one.contains(" vm extension ")).collect();
            let verbs: Vec<_> = of_agent.iter().filter_map(|one| one.split(' ').nth(3)).collect();
            assert_eq!(verbs, ["show", "delete", "set", "delete", "image", "set"]);
            assert!(of_agent[2].ends_with("--settings @/root/new.json"));
            let kept = of_agent[0].rsplit(' ').next().unwrap();
            assert!(of_agent[5].ends_with(&format!(
                "--version {}.0 --extension-instance-name NAME --settings @{kept}",
                from.major()
            )));
        }
    }
}
