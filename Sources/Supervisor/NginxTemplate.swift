/// The template of nginx.conf: a copy of the file `nginx.conf` of this package, made by `scripts/embed-nginx-conf`.
public enum NginxTemplate {
  public static let builtIn = ##"""
    # The front of `serve`: nginx takes the clients, the workers get whole requests over Unix sockets.
    #
    # This file is a template. `serve` replaces every {{name}} and writes the result into its run directory; to change something,
    # copy the file, edit the copy and start with --nginx-template COPY. nginx runs with that directory as its prefix, so relative
    # paths are inside it, and it inherits the listening socket from `serve`: the port stays open while nginx restarts.

    daemon off;
    master_process on;
    {{user}}
    worker_processes {{nginx_processes}};
    worker_rlimit_nofile {{open_files}};
    # Accepted requests get this long after SIGTERM; idle connections are closed at once.
    worker_shutdown_timeout {{shutdown_seconds}}s;
    pid nginx.pid;
    error_log stderr warn;

    events {
      worker_connections {{worker_connections}};
    }

    http {
      server_tokens off;
      # A request's line reaches `serve` as fields between tabs; values are escaped, so none holds a tab or a line end.
      log_format swiftlet escape=json 'access\tclient=$remote_addr\trequest=$request\tstatus=$status\tbytes=$bytes_sent\tseconds=$request_time\tupstream_seconds=$upstream_response_time\trequest_id=$swiftlet_request_id';
      access_log {{access_log}};
      types { }
      default_type application/octet-stream;

      # Nothing is written outside the run directory.
      client_body_temp_path client_body;
      proxy_temp_path proxy;
      fastcgi_temp_path fastcgi;
      uwsgi_temp_path uwsgi;
      scgi_temp_path scgi;

      # A client's X-Request-Id is kept when it is short and plain, so that it can stand in a log line and in JSON.
      map $http_x_request_id $swiftlet_request_id {
        default $request_id;
        "~^[A-Za-z0-9._:/+=@-]{1,128}$" $http_x_request_id;
      }

      # What a method that nginx refuses by itself could have been.
      map $request_uri $swiftlet_allow {
        default "POST";
        "~^/(ping|execution-parameters|metrics)(\?|$)" "GET, HEAD";
      }

      # The model that a request names: in its path, or in the header. `hash` below sends all requests for one model to one worker,
      # which has it loaded; with one model all have it.
      map $uri $swiftlet_named {
        default $http_x_amzn_sagemaker_target_model;
        "~^/models/(?<swiftlet_name>.+)/invoke$" $swiftlet_name;
      }
      map $swiftlet_named $swiftlet_model {
        default $swiftlet_named;
        "~^(?<swiftlet_stem>.+)\.tar\.gz$" $swiftlet_stem;
      }

      tcp_nodelay on;
      keepalive_timeout {{keep_alive_seconds}}s;
      keepalive_requests 1000000;
      reset_timedout_connection on;
      # A client that is still sending when it is refused reads the answer.
      lingering_close on;
      lingering_time 10s;
      lingering_timeout 2s;

      client_max_body_size {{max_body_bytes}};
      client_body_buffer_size 512k;
      client_header_buffer_size 4k;
      large_client_header_buffers 4 {{max_header_bytes}};
      client_header_timeout 30s;
      client_body_timeout 60s;

      # Data plane.
      upstream swiftlet_workers {
        zone swiftlet_workers 256k;
        {{balance}}
    {{worker_servers}}
        keepalive {{upstream_keepalive}};
        keepalive_requests 1000000000;
        keepalive_timeout 60s;
      }

      # The same workers for the second try. Connections are not kept here: kept ones to a worker that died would fail again. A new
      # one waits in the worker's socket, which the supervisor holds, until its successor takes it.
      upstream swiftlet_workers_again {
        zone swiftlet_workers_again 256k;
        least_conn;
    {{worker_servers}}
      }

      # Any worker, for a model that is called so much that its own worker hands requests on.
      upstream swiftlet_workers_any {
        zone swiftlet_workers_any 256k;
        least_conn;
    {{worker_servers}}
        keepalive {{upstream_keepalive}};
        keepalive_requests 1000000000;
        keepalive_timeout 60s;
      }

      # Control plane: the supervisor answers by itself, however busy the workers are.
      upstream swiftlet_control {
        server unix:{{control_socket}} max_fails=0;
        keepalive 4;
      }

      server {
        listen {{listen}} default_server backlog={{backlog}};
        server_name _;

        proxy_http_version 1.1;
        proxy_set_header Host $host;
        proxy_set_header Connection "";
        proxy_set_header X-Request-Id $swiftlet_request_id;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
        # Ours alone: a header of this name that a client sends is replaced.
        set $swiftlet_moved "";
        proxy_set_header X-Swiftlet-Moved $swiftlet_moved;
        # A worker gets a request when all of it is here: a slow client occupies nginx, not a worker.
        proxy_request_buffering on;
        proxy_buffering on;
        proxy_buffer_size 16k;
        proxy_buffers 16 32k;
        proxy_busy_buffers_size 64k;
        proxy_connect_timeout 5s;
        proxy_send_timeout {{request_seconds}}s;
        proxy_read_timeout {{request_seconds}}s;
        proxy_next_upstream off;

        # A prediction changes nothing, so a request whose worker died is sent again, once: two tries in all, so that a request
        # that kills its worker cannot take every worker with it.
        location / {
          proxy_pass http://swiftlet_workers;
          # The second try's own error is told as JSON, too.
          recursive_error_pages on;
          error_page 400 /.swiftlet/error/400;
          error_page 405 /.swiftlet/error/405;
          error_page 408 /.swiftlet/error/408;
          error_page 413 /.swiftlet/error/413;
          error_page 502 = @again;
          error_page 503 /.swiftlet/error/503;
          error_page 504 /.swiftlet/error/504;
        }

        location @again {
          proxy_pass http://swiftlet_workers_again;
          set $swiftlet_moved 1;
        }

        location @moved {
          proxy_pass http://swiftlet_workers_any;
          set $swiftlet_moved 1;
          recursive_error_pages on;
          error_page 502 = @again;
          error_page 503 /.swiftlet/error/503;
          error_page 504 /.swiftlet/error/504;
        }

        location = /ping {
          proxy_pass http://swiftlet_control;
        }

        location = /execution-parameters {
          proxy_pass http://swiftlet_control;
        }

        location = /metrics {
          proxy_pass http://swiftlet_control;
        }

        location = /models {
          proxy_pass http://swiftlet_control;
          proxy_read_timeout 3600s;
        }

        # Loading a large model may take longer than a prediction may.
        location ~ ^/models/.+(?<!/invoke)$ {
          proxy_pass http://swiftlet_control;
          proxy_read_timeout 3600s;
        }

        # nginx's own errors, in the JSON of every other error. The targets are URIs: a named location would turn 414 and 494
        # into 500. 494 is nginx's number for a request header that is too large.
        error_page 400 /.swiftlet/error/400;
        error_page 404 /.swiftlet/error/404;
        error_page 405 /.swiftlet/error/405;
        error_page 408 /.swiftlet/error/408;
        error_page 413 /.swiftlet/error/413;
        error_page 414 /.swiftlet/error/414;
        error_page 494 =431 /.swiftlet/error/431;
        error_page 500 /.swiftlet/error/500;
        error_page 501 /.swiftlet/error/501;
        error_page 505 /.swiftlet/error/505;
        error_page 502 /.swiftlet/error/502;
        error_page 503 /.swiftlet/error/503;
        error_page 504 /.swiftlet/error/504;

        location /.swiftlet/error/ {
          internal;
          default_type application/json;
          add_header X-Request-Id $swiftlet_request_id always;

          location = /.swiftlet/error/400 {
            internal;
            return 400 '{"error":{"code":"bad_request","message":"The request is not well-formed HTTP.","requestId":"$swiftlet_request_id"}}\n';
          }
          location = /.swiftlet/error/404 {
            internal;
            return 404 '{"error":{"code":"not_found","message":"There is nothing here.","requestId":"$swiftlet_request_id"}}\n';
          }
          location = /.swiftlet/error/405 {
            internal;
            add_header Allow $swiftlet_allow always;
            add_header X-Request-Id $swiftlet_request_id always;
            return 405 '{"error":{"code":"method_not_allowed","message":"The method is not allowed here.","requestId":"$swiftlet_request_id"}}\n';
          }
          location = /.swiftlet/error/408 {
            internal;
            return 408 '{"error":{"code":"request_timeout","message":"The request did not arrive in time.","requestId":"$swiftlet_request_id"}}\n';
          }
          location = /.swiftlet/error/413 {
            internal;
            return 413 '{"error":{"code":"payload_too_large","message":"The body is larger than the limit of {{max_body_text}}; send less, or raise the setting max-body-size.","limit":"{{max_body_text}}","setting":"max-body-size","requestId":"$swiftlet_request_id"}}\n';
          }
          location = /.swiftlet/error/414 {
            internal;
            return 414 '{"error":{"code":"uri_too_long","message":"The request line is longer than the limit of {{max_header_text}}.","limit":"{{max_header_text}}","setting":"max-header-size","requestId":"$swiftlet_request_id"}}\n';
          }
          location = /.swiftlet/error/431 {
            internal;
            return 431 '{"error":{"code":"headers_too_large","message":"A header line is longer than the limit of {{max_header_text}}, or there are too many.","limit":"{{max_header_text}}","setting":"max-header-size","requestId":"$swiftlet_request_id"}}\n';
          }
          location = /.swiftlet/error/500 {
            internal;
            return 500 '{"error":{"code":"internal_error","message":"nginx failed; the log says why.","requestId":"$swiftlet_request_id"}}\n';
          }
          location = /.swiftlet/error/501 {
            internal;
            return 501 '{"error":{"code":"unsupported_transfer_coding","message":"This transfer coding is not supported.","field":"Transfer-Encoding","expected":"chunked","requestId":"$swiftlet_request_id"}}\n';
          }
          location = /.swiftlet/error/505 {
            internal;
            return 505 '{"error":{"code":"unsupported_http_version","message":"This version of HTTP is not supported; use HTTP/1.1.","requestId":"$swiftlet_request_id"}}\n';
          }
          location = /.swiftlet/error/502 {
            internal;
            return 502 '{"error":{"code":"bad_gateway","message":"The worker ended before it answered; the request may be the cause if this happens again.","requestId":"$swiftlet_request_id"}}\n';
          }
          location = /.swiftlet/error/503 {
            internal;
            add_header Retry-After 1 always;
            add_header X-Request-Id $swiftlet_request_id always;
            return 503 '{"error":{"code":"overloaded","message":"No worker can take the request now; try again.","requestId":"$swiftlet_request_id"}}\n';
          }
          location = /.swiftlet/error/504 {
            internal;
            return 504 '{"error":{"code":"gateway_timeout","message":"The prediction took longer than the limit of {{request_text}}.","limit":"{{request_text}}","setting":"request-timeout","requestId":"$swiftlet_request_id"}}\n';
          }
        }
      }
    }
    """##
}
