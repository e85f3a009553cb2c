# Apache with mod_auth_gssapi, MIT Kerberos and gss-ntlmssp on loopback, for a
# shell script that sources this file after kdc.sh.
#
# start_apache DIR serves, until stop_apache, at http_url and https_url. Who signs
# in by Negotiate, with Kerberos or NTLM, gets at /wsman what answer.sh answers.
# It needs DIR/http.keytab. This user may sign in by NTLM:
ntlm_domain=PEERS
ntlm_user=bob
ntlm_password='Peers-Ntlm-1'
# DIR/server.pem is the certificate to trust. DIR/apache/access.log has a line for
# each request: the client's port, the user, the status, the first bytes of the
# sign-in's token.

start_apache() {
	local dir=$1 port tls_port
	port=$(free_port)
	tls_port=$(free_port)
	http_url=http://localhost:$port
	https_url=https://localhost:$tls_port
	mkdir -p "$dir/apache"
	chmod 711 "$dir" "$dir/apache"
	write_certificate "$dir"
	printf '%s:%s:%s\n' "$ntlm_domain" "$ntlm_user" "$ntlm_password" >"$dir/ntlm.users"
	cp peers/answer.sh "$dir/apache/answer"
	chmod 755 "$dir/apache/answer"
	install -d -o www-data "$dir/replays.apache"
	chown www-data "$dir/http.keytab" "$dir/ntlm.users"
	write_apache_conf "$dir" "$port" "$tls_port" >"$dir/apache/apache.conf"
	# A session of its own: Apache ends the whole process group when it is ended.
	KRB5_KTNAME=$dir/http.keytab KRB5RCACHENAME=file2:$dir/replays.apache/all NTLM_USER_FILE=$dir/ntlm.users \
		setsid apache2 -D FOREGROUND -f "$dir/apache/apache.conf" >"$dir/apache/out.log" 2>&1 &
	apache_pid=$!
	wait_for_port "$port" "$apache_pid" "$dir/apache/out.log"
	wait_for_port "$tls_port" "$apache_pid" "$dir/apache/out.log"
}

stop_apache() { # ends what was started; safe when nothing was
	if [ -n "${apache_pid:-}" ]; then
		kill "$apache_pid" 2>/dev/null || :
		wait "$apache_pid" 2>/dev/null || :
	fi
	apache_pid=
}

# write_certificate DIR: a certificate for localhost that is its own authority,
# in DIR/server.pem and DIR/server.key.
write_certificate() {
	openssl req -x509 -newkey rsa:2048 -sha256 -nodes -days 2 -subj /CN=localhost \
		-addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
		-keyout "$1/server.key" -out "$1/server.pem" 2>/dev/null
}

write_apache_conf() { # write_apache_conf DIR PORT TLSPORT
	local dir=$1 modules=/usr/lib/apache2/modules
	cat <<-CONF
		ServerName localhost
		ServerRoot $dir/apache
		DefaultRuntimeDir $dir/apache
		PidFile $dir/apache/pid
		Listen 127.0.0.1:$2
		Listen 127.0.0.1:$3
		User www-data
		Group www-data
		LoadModule mpm_prefork_module $modules/mod_mpm_prefork.so
		LoadModule authn_core_module $modules/mod_authn_core.so
		LoadModule authz_core_module $modules/mod_authz_core.so
		LoadModule authz_user_module $modules/mod_authz_user.so
		LoadModule alias_module $modules/mod_alias.so
		LoadModule cgi_module $modules/mod_cgi.so
		LoadModule ssl_module $modules/mod_ssl.so
		LoadModule auth_gssapi_module $modules/mod_auth_gssapi.so
		ErrorLog $dir/apache/error.log
		LogLevel info auth_gssapi:debug
		LogFormat "%{remote}p %u %>s %{Authorization}i" access
		CustomLog $dir/apache/access.log access
		KeepAlive On
		KeepAliveTimeout 60
		ScriptAlias /wsman $dir/apache/answer
		<Location /wsman>
		    AuthType GSSAPI
		    AuthName peers
		    GssapiConnectionBound On
		    GssapiPublishMech On
		    GssapiAllowedMech krb5
		    GssapiAllowedMech ntlmssp
		    Require valid-user
		</Location>
		<VirtualHost *:$3>
		    SSLEngine On
		    SSLCertificateFile $dir/server.pem
		    SSLCertificateKeyFile $dir/server.key
		</VirtualHost>
	CONF
}
