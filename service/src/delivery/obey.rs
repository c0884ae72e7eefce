//! What operators ask for by hand: going back to the version before, and letting a held one in.

use std::time::SystemTime;

use cert_store::CertificateStore;
use worker_state::{CertificateRecord, OperatorAnswer, OperatorRequest, Wish};

use super::hold;
use super::roll_back::{NoWayBack, Refusal, roll_back};
use crate::pass::{Ground, Item, News};
use crate::record;
use crate::target::Target;

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
                item.take(record);
            }
        }
    }
}

/// Whether a request means this target: by its link's name, or the link's path.
pub(crate) fn is_meant(request: &OperatorRequest, target: &Target) -> bool {
    let named = &request.certificate;
    *named == target.name() || target.link().as_os_str() == named.as_str()
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
            let refusal = Refusal { because: "rolled back by hand", by_hand: true };
            let after = roll_back(target, record, refusal, ground, now)?;
            let (left, version) = (record::active_version(record), record::active_version(&after));
            let text = format!(
                "version {version} is in use again; version {left} is held until a newer one \
                 comes, or akvvm_service sync --release {}",
                target.name()
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
    Ok((record, format!("version {} may be installed again", released.join(", "))))
}
