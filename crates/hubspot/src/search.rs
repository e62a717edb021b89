//! Finding contacts by what is in a property.
//!
//! Search says which contacts; what they hold is then read, for search lags behind by seconds and its requests are too
//! short to name all properties.

use crate::client::Client;
use crate::endpoint::Endpoint;
use crate::transport::Request;
use crate::{Contact, Error, Priority, Refusal, wire};
use contact::ContactId;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// HubSpot takes no longer request, in characters; bytes are never fewer.
const BODY_BYTES_MAX: usize = 3_000;

/// The most contacts on a page.
const PAGE: u32 = 200;

/// HubSpot pages no further than this.
const RESULTS_MAX: u32 = 10_000;

impl Client {
    pub(crate) async fn search_in(
        &self,
        property: &str,
        values: &[String],
        properties: &[String],
        priority: Priority,
    ) -> Result<Vec<Contact>, Error> {
        let mut ids = BTreeSet::new();
        for values in requests(property, values)? {
            for page in 0..RESULTS_MAX / PAGE {
                let request = Request::new(Endpoint::ContactSearch).with(body(property, &values, page * PAGE));
                let answer = self.read(&request, priority).await?;
                let results = wire::list(&answer["results"]);
                ids.extend(results.iter().filter_map(|result| wire::contact_id(&result["id"])));
                if answer["paging"]["next"]["after"].is_null() {
                    break;
                }
            }
        }
        let ids: Vec<ContactId> = ids.into_iter().collect();
        let found = self.read_many(&ids, properties, priority).await?;
        let mut seen = BTreeSet::new();
        Ok(found.into_iter().map(|(_, contact)| contact).filter(|contact| seen.insert(contact.id)).collect())
    }
}

/// Values in lower case, as `IN` wants them; `after` is a count of contacts to pass over.
fn body(property: &str, values: &[String], after: u32) -> Value {
    json!({
        "filterGroups": [{"filters": [{"propertyName": property, "operator": "IN", "values": values}]}],
        "properties": [property],
        "limit": PAGE,
        "after": after.to_string(),
    })
}

/// Shares values out to as few requests as their length allows.
fn requests(property: &str, values: &[String]) -> Result<Vec<Vec<String>>, Error> {
    let room = BODY_BYTES_MAX.saturating_sub(body(property, &[], RESULTS_MAX).to_string().len());
    let distinct: BTreeSet<_> =
        values.iter().map(|value| value.to_lowercase()).filter(|value| !value.is_empty()).collect();
    let mut requests: Vec<Vec<String>> = Vec::new();
    let mut left = 0;
    for value in distinct {
        let takes = Value::from(&*value).to_string().len() + ",".len();
        if takes > room {
            let reason = format!("a value of {property} is too long to be searched for");
            return Err(Error::Rejected(Refusal { reason, code: None, property: Some(property.to_owned()) }));
        }
        match requests.last_mut() {
            Some(request) if takes <= left => request.push(value),
            _ => {
                requests.push(vec![value]);
                left = room;
            }
        }
        left -= takes;
    }
    Ok(requests)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn user_ids(count: u32) -> Vec<String> {
        (0..count).map(|n| format!("U{n:032x}")).collect()
    }

    #[test]
    fn values_are_searched_in_lower_case_and_once() {
        let values = ["UABC".to_owned(), "uabc".to_owned(), String::new()];
        assert_eq!(requests("line_user_id_1", &values).unwrap(), [["uabc"]]);
    }

    #[test]
    fn more_than_seventy_user_ids_fit_into_one_request() {
        assert_eq!(requests("line_user_id_1", &user_ids(74)).unwrap().len(), 1);
        assert_eq!(requests("line_user_id_1", &user_ids(148)).unwrap().len(), 2);
    }

    #[test]
    fn a_value_that_fits_into_no_request_is_refused() {
        assert!(matches!(requests("line_user_name_1", &["x".repeat(3_000)]), Err(Error::Rejected(_))));
    }

    proptest! {
        #[test]
        fn no_request_is_longer_than_hubspot_takes_and_no_value_is_lost(
            values in prop::collection::vec("[a-z\"\\\\あ-ん]{1,300}", 0..120),
        ) {
            let requests = requests("line_user_name_1", &values).unwrap();
            for request in &requests {
                prop_assert!(body("line_user_name_1", request, RESULTS_MAX).to_string().len() <= BODY_BYTES_MAX);
            }
            let asked: BTreeSet<_> = requests.into_iter().flatten().collect();
            prop_assert_eq!(asked, values.into_iter().collect());
        }
    }
}
