//! `akvvm_service rollback` and `sync --release`: what an operator wants of one certificate.

use std::path::PathBuf;

use worker_state::{CertificateReport, Directories, OperatorAnswer, OperatorRequest, Report, Wish};

use crate::exit::Exit;
use crate::named::is_named;
use crate::order::Surroundings;
use crate::sync::Progress;
use crate::{sync, terminal};

/// Leaves the request, has a pass made by whoever is at work, and tells the answer.
pub(crate) fn run(
    directories: Directories,
    surroundings: Surroundings,
    settings: Option<PathBuf>,
    (certificate, wish): (String, Wish),
    json: bool,
) -> Exit {
    let request = OperatorRequest::of_this_process(certificate, wish);
    if let Err(error) = request.leave(&directories) {
        terminal::complain(&error.to_string());
        return Exit::Failed;
    }
    let progress = &mut Progress::told(!json);
    let passed = sync::pass_now(directories.clone(), surroundings, settings, progress);
    let answer = OperatorAnswer::take(&directories, request.pid);
    match (passed, answer) {
        (Err((complaint, exit)), answer) => {
            // What was done stays done, whatever became of the rest of the pass.
            if let Ok(Some(answer)) = answer {
                terminal::complain(&format!("{}: {}", request.certificate, answer.text));
            }
            terminal::complain(&complaint);
            exit
        }
        (Ok(report), Ok(Some(answer))) => tell(&request, &answer, &report, json),
        (Ok(_), Ok(None)) => {
            terminal::complain("the worker did not answer; its version may be an older one");
            Exit::Failed
        }
        (Ok(_), Err(error)) => {
            terminal::complain(&error.to_string());
            Exit::Failed
        }
    }
}

fn tell(request: &OperatorRequest, answer: &OperatorAnswer, report: &Report, json: bool) -> Exit {
    let is_meant = |one: &&CertificateReport| {
        let plain = one.path.with_file_name(&one.name);
        is_named(&request.certificate, &one.name, &[&one.path, &plain])
    };
    let stands = report.certificates.iter().find(is_meant);
    let problem = stands.and_then(|one| one.problem.as_deref());
    if json {
        let document = serde_json::json!({
            "certificate": request.certificate,
            "done": answer.done,
            "answer": answer.text,
            "version": stands.and_then(|one| one.version.as_deref()),
            "problem": problem,
        });
        terminal::say(&format!("{document:#}\n"));
    } else if answer.done {
        terminal::say(&format!("{}: {}\n", request.certificate, answer.text));
        if let Some(problem) = problem {
            terminal::say(&format!("{problem}\n"));
        }
    } else {
        terminal::complain(&format!("{}: {}", request.certificate, answer.text));
    }
    if answer.done { Exit::Fine } else { Exit::Failed }
}
