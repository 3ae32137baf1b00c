//! A client of the Query API that knows no more than a test needs.

use bytes::Bytes;
use hyper::{Request, Response, StatusCode};

use crate::fake_ec2::signature::Signature;
use crate::fake_ec2::{ACCESS_KEY, Failure, FakeEc2, Lost, SECRET_KEY};

/// Jammy for Intel, as of the day that Canonical's newest is of.
pub(super) const JAMMY: &str = "ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-amd64-server-20250115";

/// What an SDK would send.
pub(super) fn request(fake: &FakeEc2, action: &str, parameters: &[(&str, &str)]) -> Request<Bytes> {
    signed(fake, action, parameters, (ACCESS_KEY, SECRET_KEY), "eu-central-1")
}

/// What an SDK with these credentials and this region would send.
pub(super) fn signed(
    fake: &FakeEc2,
    action: &str,
    parameters: &[(&str, &str)],
    (key, secret): (&str, &str),
    region: &str,
) -> Request<Bytes> {
    let (service, version) =
        if action == "GetCallerIdentity" { ("sts", "2011-06-15") } else { ("ec2", "2016-11-15") };
    let mut form = format!("Action={action}&Version={version}");
    for (name, value) in parameters {
        form.extend(["&", name, "="]);
        form.extend(value.bytes().map(|byte| format!("%{byte:02X}")));
    }
    let date = fake.clock().strftime("%Y%m%dT%H%M%SZ").to_string();
    let mut request = Request::post("/")
        .header("host", "ec2.example")
        .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
        .header("x-amz-date", &date)
        .body(Bytes::from(form))
        .unwrap();
    let unsigned = format!(
        "AWS4-HMAC-SHA256 Credential={key}/{}/{region}/{service}/aws4_request, \
         SignedHeaders=content-type;host;x-amz-date, Signature=",
        &date[..8]
    );
    let proof = Signature::read(&unsigned).unwrap().compute(secret, &date, &request);
    request.headers_mut().insert("authorization", format!("{unsigned}{proof}").parse().unwrap());
    request
}

/// The answer to a request, or the error in it.
pub(super) async fn call(
    fake: &FakeEc2,
    action: &str,
    parameters: &[(&str, &str)],
) -> Result<String, Failure> {
    read(&fake.answer(request(fake, action, parameters)).await.expect("no fault was asked for"))
}

/// The code of the error that is answered.
pub(super) async fn refusal(fake: &FakeEc2, action: &str, parameters: &[(&str, &str)]) -> String {
    call(fake, action, parameters).await.expect_err("an error was expected").code
}

/// What is lost of an answer.
pub(super) async fn lost(fake: &FakeEc2, action: &str, parameters: &[(&str, &str)]) -> Lost {
    fake.answer(request(fake, action, parameters)).await.expect_err("a fault was expected")
}

pub(super) fn read(response: &Response<Bytes>) -> Result<String, Failure> {
    let body = String::from_utf8(response.body().to_vec()).unwrap();
    if response.status() == StatusCode::OK {
        return Ok(body);
    }
    let [code, message] = ["Code", "Message"].map(|name| all(&body, name).concat());
    Err(Failure::new(response.status().as_u16(), code, message))
}

/// The texts of all elements of a name.
pub(super) fn all(xml: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    xml.split(&open).skip(1).map(|rest| rest.split(&close).next().unwrap().to_owned()).collect()
}

/// The text of the one element of a name.
pub(super) fn one(xml: &str, name: &str) -> String {
    let [text] = all(xml, name).try_into().unwrap_or_else(|found| panic!("{name}: {found:?} in {xml}"));
    text
}

/// The id of the image that most tests launch.
pub(super) async fn jammy(fake: &FakeEc2) -> String {
    let filter =
        [("Owner.1", crate::fake_ec2::CANONICAL), ("Filter.1.Name", "name"), ("Filter.1.Value.1", JAMMY)];
    one(&call(fake, "DescribeImages", &filter).await.unwrap(), "imageId")
}

/// Launches `count` machines with more parameters, and returns their ids.
pub(super) async fn launch(
    fake: &FakeEc2,
    count: usize,
    more: &[(&str, &str)],
) -> Result<Vec<String>, Failure> {
    let (image, count) = (jammy(fake).await, count.to_string());
    let mut parameters = vec![
        ("ImageId", image.as_str()),
        ("InstanceType", "t3.small"),
        ("MinCount", &count),
        ("MaxCount", &count),
    ];
    parameters.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
    parameters.extend(more);
    Ok(all(&call(fake, "RunInstances", &parameters).await?, "instanceId"))
}

/// The states of all instances that are described.
pub(super) async fn states(fake: &FakeEc2) -> Vec<String> {
    let xml = call(fake, "DescribeInstances", &[]).await.unwrap();
    all(&xml, "instanceState").iter().map(|state| one(state, "name")).collect()
}
