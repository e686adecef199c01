//! What other enterprises may ask of a pool that is handed out to them.

use hansa_edge::{finish, id, status};
use hansa_link::Permit;
use hansa_proto::{
    members::v1::{self as wire, members_partner_service_server::MembersPartnerService},
    types::v1::Signed,
};
use hansa_psi::{POINT_LENGTH, Token};
use hansa_vocab::Fault;
use prost::Message as _;
use tonic::{Request, Response, Status};

use crate::{Error, Members, ops::Asked};

/// `hansa.members.v1.MembersPartnerService`.
#[derive(Clone, Debug)]
pub struct MembersPartner(pub Members);

fn asked(pool: String, purpose: String, epoch: Option<u32>) -> Asked {
    Asked {
        pool,
        purpose,
        epoch: epoch.map(|epoch| i32::try_from(epoch).unwrap_or(0)),
    }
}

/// Bytes that are so many of something, each of the same length.
fn chunks<const N: usize>(field: &'static str, bytes: &[u8]) -> Result<Vec<[u8; N]>, Status> {
    match bytes.as_chunks::<N>() {
        (chunks, []) => Ok(chunks.to_vec()),
        _ => Err(status(Fault::invalid(field, format!("not a multiple of {N} bytes")))),
    }
}

#[tonic::async_trait]
impl MembersPartnerService for MembersPartner {
    async fn get_pool_offer(
        &self,
        request: Request<wire::GetPoolOfferRequest>,
    ) -> Result<Response<wire::GetPoolOfferResponse>, Status> {
        let (permit, given) = (Permit::of(&request)?, request.into_inner());
        let asked = asked(given.pool, given.purpose, None);
        let (offer, evaluations_left) = self.0.offer_for(&permit, &asked).await.map_err(status)?;
        let offer = Signed::decode(offer.as_slice()).map_err(|_| status(Error::Damaged("filter_segment")))?;
        Ok(Response::new(wire::GetPoolOfferResponse {
            offer: Some(offer),
            evaluations_left,
        }))
    }

    async fn get_filter_segment(
        &self,
        request: Request<wire::GetFilterSegmentRequest>,
    ) -> Result<Response<wire::GetFilterSegmentResponse>, Status> {
        let (permit, given) = (Permit::of(&request)?, request.into_inner());
        let spot = (given.part(), given.sequence, given.number);
        let asked = asked(given.pool, given.purpose, Some(given.epoch));
        let segment = self.0.segment_for(&permit, &asked, spot).await.map_err(status)?;
        Ok(Response::new(wire::GetFilterSegmentResponse {
            segment: segment.into(),
        }))
    }

    async fn evaluate(
        &self,
        request: Request<wire::EvaluateRequest>,
    ) -> Result<Response<wire::EvaluateResponse>, Status> {
        let (permit, members, given) = (Permit::of(&request)?, self.0.clone(), request.into_inner());
        let of = (id("match_id", &given.match_id)?, given.number);
        let points = chunks::<POINT_LENGTH>("points", &given.points)?;
        let asked = asked(given.pool, given.purpose, Some(given.epoch));
        let (points, proof) = finish(async move { members.evaluate(&permit, &asked, of, points).await }).await?;
        Ok(Response::new(wire::EvaluateResponse {
            points: points.as_flattened().to_vec().into(),
            proof: proof.map_or_else(Vec::new, |proof| proof.to_vec()).into(),
        }))
    }

    async fn release(&self, request: Request<wire::ReleaseRequest>) -> Result<Response<wire::ReleaseResponse>, Status> {
        let (permit, members, given) = (Permit::of(&request)?, self.0.clone(), request.into_inner());
        let tokens: Vec<_> = chunks("tokens", &given.tokens)?.into_iter().map(Token).collect();
        let asked = asked(given.pool, given.purpose, Some(given.epoch));
        let members = finish(async move { members.release(&permit, &asked, &tokens).await }).await?;
        Ok(Response::new(wire::ReleaseResponse { members }))
    }
}
