//! What a match would ask and cost.

use hansa_directory::Session;
use hansa_proto::members::v1::{
    EstimateMatchResponse, FilterPart, MatchMode, members_partner_service_client::MembersPartnerServiceClient as Client,
};

use super::{
    Members, canaries,
    matching::{COUNT, POINT_BYTES, Wish, fits, mode_word},
    publish::part,
};
use crate::{
    Error, model,
    store::{
        matches,
        offers::{self, Shelf},
    },
};

impl Members {
    /// Looks at the partner's offer, and at our list beside it.
    pub(crate) async fn estimate(&self, session: &Session, wish: Wish) -> Result<EstimateMatchResponse, Error> {
        let mut tx = self.tenancy.begin("members.estimate", session).await?;
        let own = self.own_pool(&mut tx, &wish.pool).await?;
        let other = self.links.other_end(&mut tx, wish.link).await?;
        let received = other
            .received
            .pool(&wish.partner_pool, &wish.purpose, self.now())
            .cloned();
        drop(tx);
        let partner = self.links.partner(session, wish.link).await?;
        let modes = [MatchMode::Own, MatchMode::Joint, MatchMode::Count];
        let allowed = |mode: &MatchMode| fits(received.as_ref(), *mode).is_ok();
        let modes: Vec<_> = modes.into_iter().filter(allowed).collect();
        let Some(mode) = modes.first() else {
            return Err(Error::Grant {
                text: "no such pool is granted to us for this purpose".to_owned(),
                owner: partner.name.clone(),
            });
        };
        let mut client = Client::new(partner.channel.clone());
        let row = self.new_match(&wish, own.id, *mode)?;
        let (whole, left) = super::matching::offer_of(&mut client, &partner, &row).await?;
        let mut tx = self.tenancy.begin("members.estimated", session).await?;
        tx.plan_anew().await?;
        let offer = self.read_whole(&mut tx, &whole, &row).await?;
        let shelf = Shelf {
            link: wish.link,
            pool: &wish.partner_pool,
            purpose: &wish.purpose,
            epoch: i32::try_from(offer.epoch).map_err(|_| Error::BadAnswer("offer"))?,
            ours: false,
        };
        let recipient = model::recipient(partner.enterprise);
        let listed = matches::listed(&mut tx, own.id, (recipient, &wish.purpose)).await?;
        let evaluations = if mode_word(*mode) == COUNT {
            listed
        } else {
            let unasked = matches::unasked_count(&mut tx, (shelf, own.id), recipient).await?;
            unasked + i64::try_from(canaries::wanted(&mut tx, (shelf, own.id), listed).await?).unwrap_or(0)
        };
        let here = offers::spots(&mut tx, shelf, part(FilterPart::Base)).await?.len() as u64;
        let missing = (1_u64 << offer.segment_bits).saturating_sub(here);
        let tokens = (offer.tokens >> offer.segment_bits).saturating_mul(missing);
        let positive = |number: i64| u64::try_from(number).unwrap_or(0);
        Ok(EstimateMatchResponse {
            listed: positive(listed),
            evaluations: positive(evaluations),
            evaluations_left: left,
            tokens: offer.tokens,
            // 33.5 bits each.
            bytes: tokens.saturating_mul(67) / 16 + positive(evaluations).saturating_mul(2 * POINT_BYTES),
            modes: modes.into_iter().map(i32::from).collect(),
            ends_at: offer.ends_at,
        })
    }
}
