import pytest
@pytest.fixture(params=["ssh","libssh2"])
def client(request, client_of):
    return client_of(request.param)

@pytest.fixture
def friend(client):
    client.know(); client.give_key()
    return client
def test_ok(friend):
    r=friend.open()
    print(r)
    r.carried()
def test_pw(client):
    client.know()
    r=client.open(user="pwonly",answers=[("password","correct horse")])
    print(r)
    r.carried()
def test_kbd(client):
    client.know()
    r=client.open(user="kbdonly",answers=[("password","correct horse")])
    print(r)
    r.carried()
def test_hk(client):
    client.give_key()
    r=client.open(answers=[("hostkey","yes")])
    print(r)
    r.carried()
@pytest.mark.parametrize("u",["fishy","cshy","talker"])
def test_fish(friend,u):
    r=friend.open(user=u)
    print(r)
    r.carried()
def test_ag(client):
    client.know()
    s=client.agent("ed25519")
    client.open(sock=s).carried()
