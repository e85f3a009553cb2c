# An MIT KDC on loopback, for a shell script that sources this file.
#
# start_kdc DIR makes a realm in DIR/kdc and serves it until stop_kdc. It sets
# KRB5_CONFIG, and these:
realm=PEERS.EXAMPLE
encryption_types='aes256-cts-hmac-sha1-96 aes128-cts-hmac-sha1-96 aes256-cts-hmac-sha384-192 aes128-cts-hmac-sha256-128'
kerberos_user=alice
kerberos_password='Peers-Kerberos-1'
# The user's keytab is DIR/alice.keytab, the KDC's address kdc_address. The
# service's keytab is DIR/http.keytab: it is HTTP/localhost, and HTTP/ with the
# name of each encryption type, which has keys of that type only.

free_port() { # a port that is free for TCP and for UDP
	/usr/bin/python3 - <<-'PYTHON'
		import socket
		while True:
		    with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
		        tcp.bind(("127.0.0.1", 0))
		        try:
		            udp.bind(tcp.getsockname())
		        except OSError:
		            continue
		        print(tcp.getsockname()[1])
		        break
	PYTHON
}

wait_for_port() { # wait_for_port PORT PID LOG: until it accepts connections
	for _ in $(seq 100); do
		(: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return
		kill -0 "$2" 2>/dev/null || break
		sleep 0.1
	done
	echo "nothing listens on port $1:" >&2
	cat "$3" >&2
	return 1
}

start_kdc() {
	local dir=$1
	mkdir -p "$dir/kdc"
	kdc_address=127.0.0.1:$(free_port)
	export KRB5_CONFIG=$dir/krb5.conf KRB5_KDC_PROFILE=$dir/kdc/kdc.conf KRB5CCNAME=FILE:$dir/none
	write_krb5_conf "$kdc_address" >"$KRB5_CONFIG"
	write_kdc_conf "$dir/kdc" "$kdc_address" >"$KRB5_KDC_PROFILE"
	make_realm "$dir" >"$dir/kdc/setup.log" 2>&1 || { cat "$dir/kdc/setup.log" >&2; return 1; }
	krb5kdc -n >"$dir/kdc/out.log" 2>&1 &
	kdc_pid=$!
	wait_for_port "${kdc_address##*:}" "$kdc_pid" "$dir/kdc/out.log"
}

make_realm() { # make_realm DIR
	local etype user=$kerberos_user service=HTTP/localhost
	kdb5_util create -s -r "$realm" -P "$(head -c 24 /dev/urandom | base64)" &&
		kadmin.local addprinc -pw "$kerberos_password" "$user" &&
		kadmin.local ktadd -norandkey -k "$1/$user.keytab" "$user" &&
		kadmin.local addprinc -randkey "$service" &&
		kadmin.local ktadd -norandkey -k "$1/http.keytab" "$service" || return
	for etype in $encryption_types; do
		service=HTTP/$etype
		kadmin.local addprinc -randkey -e "$etype:normal" "$service" &&
			kadmin.local setstr "$service" session_enctypes "$etype" &&
			kadmin.local ktadd -norandkey -k "$1/http.keytab" "$service" || return
	done
	# ktadd says that it failed, and ends well all the same.
	[ -s "$1/$user.keytab" ] && [ -s "$1/http.keytab" ]
}

libfaketime=/usr/lib/$(uname -m)-linux-gnu/faketime/libfaketime.so.1

# start_late_kdc DIR serves the same realm with a clock that is an hour fast, at
# late_kdc_address. DIR/late.conf leads there as DIR/krb5.conf to the other.
start_late_kdc() {
	local dir=$1
	late_kdc_address=127.0.0.1:$(free_port)
	write_krb5_conf "$late_kdc_address" >"$dir/late.conf"
	write_kdc_conf "$dir/kdc" "$late_kdc_address" >"$dir/kdc/late.conf"
	KRB5_KDC_PROFILE=$dir/kdc/late.conf FAKETIME=+1h LD_PRELOAD=$libfaketime krb5kdc -n >"$dir/kdc/late.log" 2>&1 &
	late_kdc_pid=$!
	wait_for_port "${late_kdc_address##*:}" "$late_kdc_pid" "$dir/kdc/late.log"
}

stop_kdc() { # ends what was started; safe when nothing was
	for pid in ${kdc_pid:-} ${late_kdc_pid:-}; do
		kill "$pid" 2>/dev/null || :
		wait "$pid" 2>/dev/null || :
	done
	kdc_pid='' late_kdc_pid=''
}

# write_krb5_conf KDC [ENCTYPE]: ENCTYPE is the only kind of key to ask for.
write_krb5_conf() {
	cat <<-CONF
		[libdefaults]
		    default_realm = $realm
		    dns_lookup_realm = false
		    dns_lookup_kdc = false
		    rdns = false
		    udp_preference_limit = 1
		${2:+    default_tkt_enctypes = $2}
		${2:+    default_tgs_enctypes = $2}
		${2:+    permitted_enctypes = $2}
		[realms]
		    $realm = {
		        kdc = $1
		    }
		[domain_realm]
		    localhost = $realm
	CONF
}

write_kdc_conf() { # write_kdc_conf DIR ADDRESS
	cat <<-CONF
		[kdcdefaults]
		    kdc_listen = $2
		    kdc_tcp_listen = $2
		[realms]
		    $realm = {
		        database_name = $1/principal
		        key_stash_file = $1/stash
		        acl_file = $1/acl
		        max_life = 10h
		        supported_enctypes = $(printf '%s:normal ' $encryption_types)
		        default_principal_flags = +preauth
		    }
		[logging]
		    kdc = FILE:$1/kdc.log
	CONF
}
