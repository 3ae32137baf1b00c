//! Both versions of MQTT over both transports, and who is let in.

use rumqttc::{ConnectReturnCode, ConnectionError, QoS, StateError, v5};

use crate::child::World;
use crate::client::{Client, in_time, options, ws_options};

#[tokio::test]
async fn a_message_goes_round_over_tcp_and_websockets() {
    let world = World::running();
    let mut tcp = Client::connect(options(world.spec.ports.mqtt, "tcp")).await;
    let mut ws = Client::connect(ws_options(world.spec.ports.ws, "ws")).await;
    tcp.subscribe("a/#").await;
    ws.subscribe("a/#").await;
    let long = "long ".repeat(50_000);

    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        ws.publish("a/b", &long, qos, false).await;
        assert!(tcp.next().await.0 == format!("a/b {long}"));
        assert!(ws.next().await.0 == format!("a/b {long}"));
    }
    tcp.publish("a/c", "done", QoS::ExactlyOnce, false).await;
    assert_eq!(ws.next().await.0, "a/c done");
}

#[tokio::test]
async fn mqtt_5_is_spoken_on_the_same_port() {
    let world = World::running();
    let options = v5::MqttOptions::new("five", "127.0.0.1", world.spec.ports.mqtt);
    let (client, mut events) = v5::AsyncClient::new(options, 10);
    client.subscribe("a", v5::mqttbytes::QoS::ExactlyOnce).await.unwrap();
    let mut old = Client::connect(self::options(world.spec.ports.mqtt, "three")).await;
    loop {
        let event = in_time(Box::pin(events.poll())).await.unwrap();
        if let v5::Event::Incoming(v5::Incoming::SubAck(_)) = event {
            break;
        }
    }
    old.publish("a", "from MQTT 3.1.1", QoS::ExactlyOnce, false).await;

    let message = loop {
        if let v5::Event::Incoming(v5::Incoming::Publish(publish)) =
            in_time(Box::pin(events.poll())).await.unwrap()
        {
            break publish.payload;
        }
    };

    assert_eq!(message, "from MQTT 3.1.1");
}

#[tokio::test]
async fn only_the_right_password_is_let_in() {
    let world = World::running_for("ada", "right");
    let port = world.spec.ports.mqtt;
    let check = async |credentials: Option<(&str, &str)>| {
        let mut options = options(port, "client");
        if let Some((user, password)) = credentials {
            options.set_credentials(user, password);
        }
        match Client::try_connect(options).await {
            Ok(_) => ConnectReturnCode::Success,
            Err(ConnectionError::ConnectionRefused(code)) => code,
            Err(other) => panic!("neither let in nor refused: {other}"),
        }
    };
    assert_eq!(check(Some(("ada", "right"))).await, ConnectReturnCode::Success);
    assert_eq!(check(Some(("ada", "wrong"))).await, ConnectReturnCode::BadUserNamePassword);
    assert_eq!(check(Some(("eve", "right"))).await, ConnectReturnCode::BadUserNamePassword);
    assert_eq!(check(None).await, ConnectReturnCode::NotAuthorized);
}

#[tokio::test]
async fn only_the_right_password_is_let_in_by_mqtt_5() {
    use v5::mqttbytes::v5::ConnectReturnCode;

    let world = World::running_for("ada", "right");
    let port = world.spec.ports.mqtt;
    let check = async |credentials: Option<(&str, &str)>| {
        let mut options = v5::MqttOptions::new("client", "127.0.0.1", port);
        if let Some((user, password)) = credentials {
            options.set_credentials(user, password);
        }
        let (_client, mut events) = v5::AsyncClient::new(options, 10);
        match in_time(Box::pin(events.poll())).await {
            Ok(_) => ConnectReturnCode::Success,
            Err(v5::ConnectionError::ConnectionRefused(code)) => code,
            Err(other) => panic!("neither let in nor refused: {other}"),
        }
    };
    assert_eq!(check(Some(("ada", "right"))).await, ConnectReturnCode::Success);
    assert_eq!(check(Some(("ada", "wrong"))).await, ConnectReturnCode::BadUserNamePassword);
    assert_eq!(check(None).await, ConnectReturnCode::NotAuthorized);
}

#[tokio::test]
async fn a_second_connection_of_one_client_ends_the_first() {
    let world = World::running();
    let first = Client::connect(options(world.spec.ports.mqtt, "same")).await;
    let mut second = Client::connect(options(world.spec.ports.mqtt, "same")).await;

    let error = first.lost().await;

    assert!(matches!(error, ConnectionError::MqttState(StateError::ConnectionAborted)), "{error:?}");
    second.publish("a", "still here", QoS::ExactlyOnce, false).await;
}
