# SPDX-License-Identifier: LGPL-2.1-or-later
# A program of Sys::Virt: calls of every kind on a test host, a line each with the result or the error's code and domain.
use strict;
use Sys::Virt;
use Sys::Virt::Event;

Sys::Virt::Event::register_default();
my $c = Sys::Virt->new(uri => shift);

sub flat {
    my $x = shift;
    return "undef" unless defined $x;
    my $kind = ref $x or return $x;
    return "{" . join(",", map { "$_=" . flat($x->{$_}) } sort keys %$x) . "}" if $kind eq "HASH";
    return "[" . join(",", map { flat($_) } @$x) . "]" if $kind eq "ARRAY";
    return "<$kind " . ($x->can("get_name") ? $x->get_name : "") . ">";
}

sub try {
    my ($name, $code) = @_;
    my @got = eval { $code->() };
    my $e = $@;
    if (ref $e) { printf "%s: error %d of %d\n", $name, $e->code, $e->domain }
    elsif ($e) { print "$name: died: $e" }
    else { print "$name: ", join("|", sort map { flat($_) } @got), "\n" }
    return $got[0];
}

sub each_of {
    my ($name, $object, @methods) = @_;
    try("$name.$_", sub { my $m = $_; $object->$m }) for @methods;
}

my $d = $c->get_domain_by_name("test");
my $p = $c->get_storage_pool_by_name("default-pool");
my $n = $c->get_network_by_name("default");
my @events;

each_of("host", $c, qw(get_type get_uri get_hostname is_alive is_encrypted is_secure get_node_info get_version
    get_node_cpu_map get_node_free_memory get_node_security_model get_sysinfo get_capabilities num_of_domains
    num_of_defined_domains list_domains list_all_domains list_all_networks list_all_storage_pools list_all_interfaces
    list_all_node_devices list_all_secrets list_all_nwfilters get_node_memory_parameters get_domain_capabilities));
try("host.models", sub { $c->get_cpu_model_names("x86_64") });
try("host.cells", sub { $c->get_node_cells_free_memory(0, 2) });
each_of("domain", $d, qw(get_name get_id get_uuid_string is_active is_persistent is_updated get_state get_max_memory
    get_max_vcpus get_os_type get_xml_description get_autostart get_scheduler_type get_scheduler_parameters
    get_memory_parameters get_blkio_parameters get_numa_parameters has_managed_save_image list_all_snapshots
    list_all_checkpoints get_job_info get_control_info get_hostname get_fs_info memory_stats get_emulator_pin_info
    get_iothread_info get_time get_security_label get_messages));
my $watch = try("watch", sub {
    $c->domain_event_register_any(undef, Sys::Virt::Domain::EVENT_ID_LIFECYCLE,
        sub { push @events, $_[1]->get_name . " $_[2] $_[3]" });
});
try("suspend", sub { $d->suspend });
try("state", sub { $d->get_state });
try("resume", sub { $d->resume });
try("pin", sub { $d->pin_vcpu(0, "\x01") });
try("set vcpus", sub { $d->set_vcpus(1) });
try("snapshot", sub { $d->create_snapshot("<domainsnapshot><name>s</name></domainsnapshot>") });
try("snapshots", sub { $d->list_all_snapshots });
try("title", sub { $d->set_metadata(Sys::Virt::Domain::METADATA_TITLE, "a title", undef, undef, 0) });
try("title", sub { $d->get_metadata(Sys::Virt::Domain::METADATA_TITLE, undef, 0) });
try("screen", sub {
    my $s = $c->new_stream;
    my ($mime, $bytes) = ($d->screenshot($s, 0), 0);
    $s->recv_all(sub { $bytes += length $_[1]; return length $_[1] });
    $s->finish;
    return "$mime " . ($bytes > 0);
});
each_of("pool", $p, qw(get_info get_xml_description list_all_volumes is_active get_autostart));
my $v = try("volume", sub { $p->create_volume("<volume><name>v</name><capacity>1000000</capacity></volume>") });
each_of("volume", $v, qw(get_name get_key get_path get_info get_xml_description delete));
each_of("network", $n, qw(get_xml_description get_bridge_name is_active is_persistent get_autostart get_uuid_string));
for (1 .. 200) {
    last if @events >= 2;
    my $t = Sys::Virt::Event::add_timeout(50, sub { });
    Sys::Virt::Event::run_default();
    Sys::Virt::Event::remove_timeout($t);
}
print "events: ", join("|", @events), "\n";
try("no watch", sub { $c->domain_event_deregister_any($watch) });
try("no such domain", sub { $c->get_domain_by_name("nope") });
try("no such uuid", sub { $c->get_domain_by_uuid_string("zz") });
try("bad document", sub { $c->define_domain("<domain/>") });
try("migrate", sub { $d->migrate_to_uri("test:///default", 0) });
