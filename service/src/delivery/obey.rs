//! What operators ask for by hand: going back to the version before, and letting a held one in.

use std::sync::Arc;
use std::time::SystemTime;

use cert_store::CertificateStore;
use worker_state::{CertificateRecord, OperatorAnswer, OperatorRequest, Wish};

use super::hold;
use super::roll_back::{NoWayBack, Refusal, roll_back};
use crate::ground::Ground;
use crate::item::{Item, News};
use crate::named::is_named;
use crate::record;
use crate::target::Target;
use crate::wording;

/// Fulfils the requests that came with `items`, and answers them.
pub(crate) fn obey<S: CertificateStore>(
    items: &mut [Item],
    ground: &Ground<'_, S>,
    now: SystemTime,
    tell: &(dyn Fn(News) + Sync),
) {
    for item in items {
        for request in std::mem::take(&mut item.requests) {
            let before = item.record.as_deref();
            let (record, answer) = match fulfil(&request, &item.target, before, ground, now) {
                Ok((record, text)) => (Some(record), OperatorAnswer { done: true, text }),
                Err(NoWayBack { why, record }) => {
                    if let Some(trouble) =
                        record.as_ref().and_then(|record| (ground.keep)(record).err())
                    {
                        tell(News::Trouble(trouble.to_string()));
                    }
                    (record.map(|record| *record), OperatorAnswer { done: false, text: why })
                }
            };
            let news = record.clone().map(Box::new);
            tell(News::Obeyed(item.index, news, request, answer));
            if let Some(record) = record {
                item.take(Arc::new(record));
            }
        }
    }
}

/// Gives a request to the item that it means.
///
/// # Errors
/// Where it means none, or several: the answer to whoever asked.
pub(crate) fn hand_over(
    request: OperatorRequest,
    items: &mut [Item],
) -> Result<(), (OperatorRequest, OperatorAnswer)> {
    let is_meant = |target: &Target| {
        let (link, plain) = (target.link(), target.store().join(target.name()));
        is_named(&request.certificate, target.name(), &[&link, &plain])
    };
    let mut meant: Vec<&mut Item> =
        items.iter_mut().filter(|item| is_meant(&item.target)).collect();
    let text = match meant.as_mut_slice() {
        [item] => {
            item.requests.push(request);
            return Ok(());
        }
        [] => format!("no certificate here has the link {:?}", request.certificate),
        several => {
            let paths = several.iter().map(|item| item.target.link());
            wording::ambiguous(&request.certificate, paths)
        }
    };
    Err((request, OperatorAnswer { done: false, text }))
}

fn fulfil<S: CertificateStore>(
    request: &OperatorRequest,
    target: &Target,
    record: Option<&CertificateRecord>,
    ground: &Ground<'_, S>,
    now: SystemTime,
) -> Result<(CertificateRecord, String), NoWayBack> {
    let Some(record) = record.filter(|record| record.active.is_some()) else {
        return Err("it was never installed".to_owned().into());
    };
    match request.wish {
        Wish::Release => Ok(release(record, ground, now)?),
        Wish::RollBack => {
            let refusal = Refusal { because: "rolled back by hand", by_hand: true, others: 0 };
            let after = roll_back(target, record, refusal, ground, now)?;
            let (left, version) = (record::active_version(record), record::active_version(&after));
            let text = format!(
                "version {version} is in use again; version {left} is held until a newer one \
                 comes, or akvvm_service sync --release {}",
                wording::typed(target.name())
            );
            Ok((after, text))
        }
    }
}

fn release<S: CertificateStore>(
    record: &CertificateRecord,
    ground: &Ground<'_, S>,
    now: SystemTime,
) -> Result<(CertificateRecord, String), String> {
    let mut record = record.clone();
    let released = hold::release(&mut record.delivery, now);
    if released.is_empty() {
        return Err("no version of it is held".into());
    }
    for version in &released {
        record.tell(record::told("released", version, now));
    }
    (ground.keep)(&record).map_err(|error| error.to_string())?;
    let text = match released.iter().all(|version| record::is_active(Some(&record), version)) {
        true => format!("version {} is in use; its consumers are told again", released.join(", ")),
        false => format!("version {} may be installed again", released.join(", ")),
    };
    Ok((record, text))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use cert_store::{Layout, StoreLocation};

    use super::*;
    use crate::simulation;

    fn item(index: usize, store: &str, layout: Layout) -> Item {
        let mut target = simulation::target("web");
        target.place.location = StoreLocation::Directory { path: store.into(), is_default: false };
        target.place.layouts = vec![layout];
        Item {
            index,
            target: Arc::new(target),
            record: None,
            unkept: false,
            due: true,
            reacts: false,
            requests: Vec::new(),
            delivered: false,
            wanted: false,
        }
    }

    /// Which of two stores' certificates gets a request for this name; else the answer.
    fn meant(named: &str) -> Result<usize, String> {
        let mut items = [item(0, "/a", Layout::Combined), item(1, "/b", Layout::Split)];
        let request = OperatorRequest::of_this_process(named.into(), Wish::RollBack);
        hand_over(request, &mut items).map_err(|(_, answer)| answer.text)?;
        Ok(items.iter().position(|item| !item.requests.is_empty()).unwrap())
    }

    #[test]
    fn a_path_means_one_certificate_however_many_links_have_its_name() {
        assert_eq!(meant("/a/contoso.web"), Ok(0));
        assert_eq!(meant("/b/contoso.web.pem"), Ok(1));
        assert_eq!(meant("/b/contoso.web"), Ok(1));
    }

    #[test]
    fn a_name_that_means_several_or_none_is_answered_and_nothing_is_done() {
        let several = meant("contoso.web").unwrap_err();
        assert!(several.contains("name one by its path: /a/contoso.web, /b/contoso.web.pem"));
        assert!(meant("contoso.api").unwrap_err().starts_with("no certificate here has the link"));
    }
}
