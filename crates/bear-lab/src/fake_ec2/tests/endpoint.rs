//! The endpoint as a client at the other end of a socket sees it.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::client::{launch, request};
use crate::fake_ec2::{Endpoint, FakeEc2, Fault, Rule, Settings};

/// All that an endpoint sends until it closes the connection.
async fn send(
    fake: &FakeEc2,
    endpoint: &Endpoint,
    action: &str,
    parameters: &[(&str, &str)],
) -> (io::Result<()>, String) {
    let request = request(fake, action, parameters);
    let mut head =
        format!("POST / HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n", request.body().len());
    for (name, value) in request.headers() {
        head.extend([name.as_str(), ": ", value.to_str().unwrap(), "\r\n"]);
    }
    let mut stream = TcpStream::connect(endpoint.address()).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(b"\r\n").await.unwrap();
    stream.write_all(request.body()).await.unwrap();
    let (mut received, mut block) = (Vec::new(), [0; 4096]);
    let ended = loop {
        match stream.read(&mut block).await {
            Ok(0) => break Ok(()),
            Ok(read) => received.extend(&block[..read]),
            Err(error) => break Err(error),
        }
    };
    (ended, String::from_utf8(received).unwrap())
}

#[tokio::test]
async fn it_answers_over_http() {
    let fake = FakeEc2::new(Settings::default());
    let endpoint = fake.listen().await.unwrap();
    assert_eq!(endpoint.url(), format!("http://127.0.0.1:{}", endpoint.address().port()));
    let (ended, answer) = send(&fake, &endpoint, "DescribeRegions", &[("RegionName.1", "eu-west-1")]).await;
    ended.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(
        head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("content-type: text/xml;charset=UTF-8"),
        "{head}"
    );
    assert_eq!(head.matches("date:").count(), 1, "{head}");
    assert!(body.contains("<regionEndpoint>ec2.eu-west-1.amazonaws.com</regionEndpoint>"), "{body}");
    let (_, refused) = send(&fake, &endpoint, "DescribeInstances", &[("InstanceId.1", "x")]).await;
    assert!(refused.starts_with("HTTP/1.1 400 "), "{refused}");
}

#[tokio::test]
async fn faults_reach_the_wire() {
    let fake = FakeEc2::new(Settings::default());
    let endpoint = fake.listen().await.unwrap();
    fake.rule(Rule::any().times(1).then(Fault::Reset));
    fake.rule(Rule::any().times(1).then(Fault::AnswerTruncated));
    let (ended, answer) = send(&fake, &endpoint, "DescribeRegions", &[]).await;
    assert_eq!((ended.unwrap_err().kind(), answer.as_str()), (io::ErrorKind::ConnectionReset, ""));
    let (_, answer) = send(&fake, &endpoint, "DescribeRegions", &[]).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let announced = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    assert_eq!(body.len(), announced.parse::<usize>().unwrap() / 2);
}

#[tokio::test]
async fn an_endpoint_goes_and_comes_back_with_all_that_there_was() {
    let fake = FakeEc2::new(Settings::default());
    let endpoint = fake.listen().await.unwrap();
    let address = endpoint.address();
    launch(&fake, 1, &[]).await.unwrap();
    drop(endpoint);
    tokio::task::yield_now().await;
    assert!(TcpStream::connect(address).await.is_err());
    let endpoint = fake.listen_at(address).await.unwrap();
    let (_, answer) = send(&fake, &endpoint, "DescribeInstances", &[]).await;
    assert!(answer.contains(&fake.instances()[0].id));
}
